"""The results of the programs of `benchmarks.text` as Markdown."""

from __future__ import annotations

from benchmarks.tables import Row, table


def frontend(result: Row) -> str:
    """Written and spoken, in the phonemes and in the sound."""
    names = {"words": "words", "digits": "of them with digits", "Latin": "of them with Latin letters"}
    audible = result.get("sound")
    rows: list[list[str]] = []
    for kind, label in names.items():
        counts = result["frontend"][kind]
        rows.append([label, str(counts["written"]), _share(counts), _share(audible[kind]) if audible else "–"])
    if audible:
        timed = {"written": result["tokens"], "spoken": result["tokens_timed"]}
        rows.append(["phonemes and pauses", str(result["tokens"]), "", _share(timed)])
    return table(["ssmphony", "in the paragraph", "given phonemes", "audible"], rows)


def _share(counts: Row) -> str:
    return f"{counts['spoken']} ({counts['spoken'] / counts['written']:.1%})"


def g2p(result: Row) -> str:
    """Grapheme-to-phoneme conversion compared with other systems, on one word list."""
    header = ["system", "words right, %", "phone error, %", "schwas right, %", "medial schwas right, %", "words/s"]
    keys = ("word_accuracy", "phone_error", "schwa_accuracy", "medial_schwa_accuracy", "words_per_second")
    rows = [
        [score["system"], *(f"{score[key]:,}" if score[key] else "\u2013" for key in keys)]
        for score in result["scores"]
    ]
    return (
        f"{table(header, rows)}\n\n{result['words']:,} words of WikiPron's Hindi list, symbols folded. "
        "*held-out*: schwa weights learned without the words that share their first four letters; the other tables "
        "have seen the list. *shipped*: weights that have seen all of it."
    )


def coverage(result: Row) -> str:
    """What of large texts is not spoken, by reason."""
    texts = list(result)
    reasons = dict.fromkeys(reason for text in texts for reason in result[text]["silent"])
    rows = [
        [reason, *(f"{result[text]['silent'].get(reason, {}).get('characters', 0):,}" for text in texts)]
        for reason in reasons
    ]
    header = [
        "silent",
        *(f"{text}: {result[text]['lines']:,} lines, {result[text]['words']:,} words" for text in texts),
    ]
    raised = sum(len(result[text]["raised"]) for text in texts)
    unknown = sum(len(result[text]["unknown_phones"]) for text in texts)
    return f"{table(header, rows)}\n\nErrors: {raised}. Phones outside the inventory: {unknown}."


def roman_hindi(result: Row) -> str:
    """The scores of all systems on Hindi in Latin letters."""
    header = ["", "sentences", "words right", "Hindi words", "English words in Hindi", "words/s"]
    rows: list[list[str]] = []
    for system in result["systems"].values():
        for name, scores in system["scores"].items():
            shares = [f"{100 * scores[key][0] / scores[key][1]:.1f} %" for key in ("words", "hindi", "english")]
            rows.append([system["label"], name.replace("_", "-"), *shares, f"{system['words_a_second']:,}"])
    of = result["machine"]
    return (
        f"{table(header, rows)}\n\nMeasured on {of['date']} with Python {of['python']} on one core of a machine with "
        f"{of['cores']} ({of['cpu']}), which was busy with other work (load {of['load_before']})."
    )


def roman_hindi_kinds(result: Row) -> str:
    """Our scores by the kind of sentence."""
    rows = [
        [key[5:], name.replace("_", "-"), str(count), f"{100 * good / count:.1f} %"]
        for name, scores in result["systems"]["ssmphony"]["scores"].items()
        for key, (good, count) in scores.items()
        if key.startswith("kind ")
    ]
    return table(["sentences", "set", "words", "right"], rows)
