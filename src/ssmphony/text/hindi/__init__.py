"""Hindi text for speech, on the standard library alone.

>>> from ssmphony.text import hindi
>>> hindi.phonemize("नमस्ते")
['n', 'ə', 'm', 'ə', 's', 't̪', 'eː']
"""
