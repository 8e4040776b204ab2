"""Whole books: a document with chapters becomes an audiobook, or an EPUB whose words light up as they are spoken.

document ──read──▶ Book ──script──▶ parts (a few paragraphs each) ──speak──▶ sound and word times ──▶ .m4b, .epub

Documents are untrusted: archives are read within limits and never unpacked, XML is read without entities, nothing is
fetched, and no name from a document becomes the name of a file.
"""
