"""Learn the tables with which Hindi in Latin letters is read, in `ssmphony/text/hindi/tables`.

    python tools/train_roman_hindi.py --sentences hi_sentences.txt --stories pratham_stories --english scowl

* ``romanised_words.tsv`` and ``romanised_pairs.tsv``: Hindi words and pairs of neighbours with their counts, from
  sentences of Common Voice (CC0), stories of Pratham Books (CC BY 4.0, https://github.com/global-asp/pb-source) and the
  lists of everyday words, verbs and sentences in ``tools/roman_hindi`` (ours, CC0). English loan words and names count
  as two classes.
* ``romanised_spellings.tsv``: how each phone is typed, from ``tools/roman_hindi/spellings.txt`` and the alignments of
  the pairs in ``indian_words.tsv`` with their most likely phones (hard expectation maximisation).
* ``romanised_short_forms.tsv``: a copy of ``tools/roman_hindi/short_forms.txt`` without what it gives twice.
* ``english_common.tsv``: English words by how common they are (SCOWL 10 and 20, http://wordlist.aspell.net, free to
  copy with its notice).

There is nothing random: the same files give the same tables.
"""

from __future__ import annotations

import argparse
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ssmphony.text.hindi import english, g2p, latin, morphology, phonology, romanised, schwa, tables, word_pairs
from ssmphony.text.hindi.graphemes import spell
from ssmphony.text.hindi.unicode import clean
from ssmphony.text.hindi.word_pairs import EDGE, ENGLISH, NAME, NUMBER

HERE = Path(__file__).parent / "roman_hindi"
TABLES = Path(tables.__file__).parent
STORY_WEIGHT, OWN_WEIGHT = 3, 8
MOST_IN_TEXT = 8
"""A story is full of its own names: no word of it counts oftener than this, and no pair half as often."""
"""How often a sentence of stories, or of our own, counts: news differ from what people type."""
RARE = 0.4
"""The count of a word that only the dictionary has."""
FEWEST_PAIR, FEWEST_IN_CLASS = 3, 20
LEAST_LIFT = 1.5
"""A pair is kept if it occurs this often, and this many times more often than by chance."""
MOST_HISTORIES = 4000
PRIOR = 4.0
"""How many observations a point of the weights in ``spellings.txt`` is worth."""
ROUNDS = 4
_PHONES = (
    "k kʰ ɡ ɡʱ ŋ tʃ tʃʰ dʒ dʒʱ ɲ ʈ ʈʰ ɖ ɖʱ ɳ t̪ t̪ʰ d̪ d̪ʱ n p pʰ b bʱ m j ɾ l ʋ ʃ ʂ s ɦ ɽ ɽʱ q x ɣ z ʒ f "
    "ə aː ɪ iː ʊ uː eː ɛː oː ɔː æ"
)
_CODES = "k K g G N c C j J n 1 2 3 4 n t T d D n p P b B m y r l v S S s h 5 6 q x Q z z f a A i I u U e E o O E"
CODES: dict[str, str] = {str(phone): str(code) for phone, code in zip(_PHONES.split(), _CODES.split(), strict=True)}
"""The letter of each phone in ``romanised_words.tsv``."""
LONGEST_LISTED = 7
ENDINGS = {
    "": 6, "ना": 10, "ने": 8, "नी": 4, "ता": 6, "ते": 6, "ती": 5, "ो": 8, "े": 8, "ें": 5, "ूँ": 5, "ूँगा": 4, "ूँगी": 3,
    "ेगा": 4, "ेगी": 3, "ेंगे": 4, "ेंगी": 1, "ोगे": 2, "ोगी": 1, "ा": 8, "ी": 7, "ीं": 1, "िए": 4, "िएगा": 1, "कर": 3,
    "के": 3, "तीं": 0.5, "नेवाला": 0.3,
}  # fmt: skip
_WRONG = "मैने नही मे हैँ हू मै नहि उन्होने इन्होने तुम्हे उन्हे इन्हे जिन्हे क्यो क्योकि नें मेँ".split()
_RIGHT = "मैंने नहीं में हैं हूँ मैं नहीं उन्होंने इन्होंने तुम्हें उन्हें इन्हें जिन्हें क्यों क्योंकि ने में".split()
MISSPELLED = {str(wrong): str(word) for wrong, word in zip(_WRONG, _RIGHT, strict=True)}
"""Frequent misspellings of the texts."""
IRREGULAR = frozenset("हो ले दे जा कर".split())
"""Verbs whose irregular forms are in ``words.txt``."""


def native(word: str) -> str:
    """One spelling for each word: with its nuktas and chandrabindu, and -ए for -ये."""
    word = g2p.with_nukta(MISSPELLED.get(word, word))
    word = re.sub("([ाुूआऊउ])ं$", r"\1ँ", word)
    word = re.sub("([ूऊए])ं(?=(?:गा|गे|गी)?$)", r"\1ँ", word)
    word = re.sub("(?<=[ािुऊउ])ये(?=(?:गा|गी|ंगे|ंगी|ँगे)?$)", "ए", word)
    word = re.sub("एंग(?=[ेी]$)", "एँग", word)
    word = re.sub("^(ग|न|कि|दि|लि|हु|आ|पा|ला|खा|बना|बता)ये$", r"\1ए", word)
    word = re.sub("^(ग|न|आ|पा|ला|खा|हु)यी(ं?)$", r"\1ई\2", word)
    for written, spoken in ((k, v) for k, v in NASALS.get(word[:2], ()) if word.startswith(k)):
        return spoken + word[len(written) :]
    return word


def _nasal_stems() -> dict[str, list[tuple[str, str]]]:
    stems: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for written, spoken in sorted(g2p.NASAL_STEMS.items(), key=lambda pair: -len(pair[0])):
        stems[written[:2]].append((written, spoken))
    return stems


NASALS = _nasal_stems()


def tokens(text: str) -> Iterator[list[str]]:
    """The words of each sentence of a text."""
    for sentence in re.split(r"[।॥?!\n]+", clean(text).text):
        words = re.findall("[\u0901-\u0903\u0905-\u093c\u093e-\u0963\u0971-\u097f]+|\\d+|[A-Za-z]+|[,;:]", sentence)
        yield [_token(word) for word in words]


def _token(word: str) -> str:
    if word.isascii():
        return NUMBER if word.isdigit() else ENGLISH if word.isalpha() else EDGE
    return native(word)


def verb_forms(stem: str) -> Iterator[tuple[str, float]]:
    """The regular forms of a verb with how often each is met."""
    vowel = stem[-1] not in "कखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह़"
    for ending, share in ENDINGS.items():
        if not vowel:
            yield native(stem + ending), share
            continue
        short = {"ी": "ि", "ू": "ु"}.get(stem[-1], stem[-1])
        base = stem[:-1] + short
        glide = {"ा": "या", "ी": "ई", "ीं": "ईं", "े": "ए", "ें": "एँ", "ो": "ओ", "ूँ": "ऊँ", "ूँगा": "ऊँगा",
                 "ूँगी": "ऊँगी", "ेगा": "एगा", "ेगी": "एगी", "ेंगे": "एँगे", "ेंगी": "एँगी", "ोगे": "ओगे",
                 "ोगी": "ओगी", "िए": "इए", "िएगा": "इएगा"}.get(ending)  # fmt: skip
        yield (base + glide if glide else stem + ending), share


def counts_of_lists() -> Counter[str]:
    """Counts for the everyday words and for the forms of the verbs."""
    counts: Counter[str] = Counter()
    for line in _lines("words.txt"):
        weight, *words = line.split()
        for word in words:
            counts[native(word)] += float(weight)  # type: ignore[assignment]
    for line in _lines("verbs.txt"):
        weight, *stems = line.split()
        for stem in stems:
            for form, share in () if stem in IRREGULAR else verb_forms(stem):
                counts[form] += float(weight) * share / 10  # type: ignore[assignment]
    return counts


def dictionary(file: Path) -> set[str]:
    """The words in the first column of a table, without nuktas."""
    rows = file.read_text(encoding="utf-8").splitlines()
    return {morphology.bare(native(row.split()[0])) for row in rows if row.strip()}


def listed(dictionaries: Sequence[Path]) -> list[str]:
    """The words that all of the dictionaries have, if not too long."""
    words = set.intersection(*map(dictionary, dictionaries))
    return sorted(g2p.with_nukta(word) for word in words if 2 < len(word) <= LONGEST_LISTED)


def _lines(name: str) -> list[str]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("# ")]


def pattern(word: str) -> str:
    """The phones of a word, a letter each, as it is spelled."""
    found = ""
    for phone in phonology.join(schwa.delete(spell(word), word)):
        plain = unicodedata.normalize("NFD", phone.symbol)
        nasal = "\u0303" in plain
        code = CODES.get(unicodedata.normalize("NFC", plain.replace("\u0303", "")))
        if code is None:
            return ""
        found += code + "~" * nasal
    return found


def row_of(unit: str, table: Mapping[str, object]) -> str:
    """The row of a table of spellings for a unit."""
    return next(row for row in (unit, unit[:2], unit[0]) if row in table)


def main_spelling(word_pattern: str, forms: dict[str, dict[str, float]], nasal: bool = True) -> str:
    spelled = ""
    for unit in romanised.units(word_pattern):
        options = forms[row_of(unit, forms)]
        spelled += "" if unit[0] == "~" and not nasal else max(options, key=lambda form: options[form]).strip("-")
    return spelled


def skeletons(word_pattern: str, forms: dict[str, dict[str, float]]) -> set[str]:
    """The keys under which a word is found: with and without its nasal vowels, with ड़ as d or r."""
    spellings = {
        main_spelling(p, forms, nasal)
        for p in {word_pattern, word_pattern.replace("5", "r")}
        for nasal in (True, False)
    }
    return {romanised.skeleton(spelled) for spelled in spellings if spelled}


def weights() -> dict[str, dict[str, float]]:
    """The table of ``spellings.txt``, with the rows that follow from it for consonants by their place."""
    forms: dict[str, dict[str, float]] = {}
    for line in _lines("spellings.txt"):
        unit, cells = line.split("\t")
        forms[unit] = {form: float(weight) for form, _, weight in (cell.rpartition(":") for cell in cells.split())}
    for unit in [unit for unit in forms if unit not in "aAiIuUeEoO~" and len(unit) == 1]:
        main = next(iter(forms[unit]))
        forms[f"{unit}_"] = {**forms[unit], f"{main}a": 3.0}
        forms[f"{unit}$"] = {**forms[unit], f"{main}a": 0.7}
        first = {**forms[unit], "-": 45.0}
        if unit in "cC":
            first["c"] = 45.0
        forms[f"{unit}="] = first
    forms["v_"] = {**forms["v"], "u": 4.0, "o": 4.0, "va": 3.0}
    forms["y_"] = {"y": 60.0, "i": 30.0, "ya": 3.0, "-": 3.0}
    forms["h_"] = {"h": 80.0, "-": 18.0, "ha": 2.0}
    forms["h$"] = {"h": 85.0, "-": 14.0}
    return forms


def learn_spellings() -> dict[str, dict[str, int]]:
    """The costs of the forms after alignment with the pairs of the lexicon of Indian words."""
    prior = weights()
    pairs = [
        (typed, romanised.units(p))
        for typed, word in latin.indian_words().items()
        if " " not in word and (p := pattern(word))
    ]
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    costs: dict[str, dict[str, int]] = {}
    for _ in range(ROUNDS):
        costs = _costs(prior, seen)
        seen = defaultdict(Counter)
        for typed, units in pairs:
            for unit, form in _align(typed, units, costs):
                seen[unit][form] += 1
    return costs


def _costs(prior: dict[str, dict[str, float]], seen: dict[str, Counter[str]]) -> dict[str, dict[str, int]]:
    costs: dict[str, dict[str, int]] = {}
    for unit, forms in prior.items():
        counts = {form: weight * PRIOR + min(seen[unit][form], 100) for form, weight in forms.items()}
        total = sum(counts.values())
        costs[unit] = {form: round(-romanised.SCALE * math.log(count / total)) for form, count in counts.items()}
    return costs


def _align(typed: str, units: tuple[str, ...], costs: dict[str, dict[str, int]]) -> list[tuple[str, str]]:
    """The cheapest forms of the units that spell the letters; none where nothing does."""
    reached: dict[int, tuple[int, list[tuple[str, str]]]] = {0: (0, [])}
    for unit in units:
        row = row_of(unit, costs)
        ahead: dict[int, tuple[int, list[tuple[str, str]]]] = {}
        for place, (cost, path) in reached.items():
            for form, extra in costs[row].items():
                letters = form.strip("-")
                stop = place + len(letters)
                if typed.startswith(letters, place) and (stop not in ahead or cost + extra < ahead[stop][0]):
                    ahead[stop] = cost + extra, [*path, (row, form)]
        reached = ahead
    return reached.get(len(typed), (0, []))[1]


def write(name: str, header: str, lines: Iterable[str]) -> None:
    """Write a table that this tool makes."""
    header += "; written by tools/train_roman_hindi.py"
    (TABLES / f"{name}.tsv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def write_words(counts: Counter[str], forms: dict[str, dict[str, float]]) -> None:
    rows: dict[str, list[str]] = defaultdict(list)
    for word, count in sorted(counts.items(), key=lambda pair: -pair[1]):
        spelled = pattern(word)
        if spelled and not word.endswith("ः"):
            for key in sorted(skeletons(spelled, forms)):
                rows[key].append(f"{word}\t{spelled}\t{count:.1f}".removesuffix(".0"))
    header = "# skeleton\tword\tphones\tcount\t…\tHindi words under what their spellings in Latin letters share"
    write("romanised_words", header, (f"{key}\t" + "\t".join(cells) for key, cells in sorted(rows.items())))


def write_pairs(pairs: Counter[tuple[str, str]], singles: Counter[str]) -> None:
    histories = [word for word, _ in singles.most_common(MOST_HISTORIES)]
    total = sum(singles.values())
    for (first, second), count in list(pairs.items()):
        if not first.startswith("<"):
            pairs[word_pairs.ending(first), second] += count
    for word, count in list(singles.items()):
        if not word.startswith("<"):
            singles[word_pairs.ending(word)] += count
    histories += sorted(word for word in singles if word.startswith("-"))
    rows: list[str] = []
    followers: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for (first, second), count in pairs.most_common():
        if count >= (FEWEST_IN_CLASS if first.startswith("-") else FEWEST_PAIR) and (
            count * total > LEAST_LIFT * singles[first] * singles[second]
        ):
            followers[first].append((second, count))
    for word in histories:
        if followers[word]:
            cells = "\t".join(f"{second}\t{count}" for second, count in followers[word])
            rows.append(f"{word}\t{singles[word]}\t{cells}")
    rows.append(f"{word_pairs.ANY}\t{total}")
    header = "# word\tcount\tnext word\tcount\t…\tneighbours in Hindi; <s> edge, <e> English word, <n> name, <d> number"
    write("romanised_pairs", header, rows)


def read_texts(sentences: Path, stories: Path) -> Iterator[tuple[int, list[list[str]]]]:
    """The sentences of each text with their weight."""
    for words in tokens(sentences.read_text(encoding="utf-8")):
        yield 1, [words]
    for story in sorted(stories.glob("*.md")):
        text = re.sub(r"(?m)^(\* |#).*", "", story.read_text(encoding="utf-8"))
        yield STORY_WEIGHT, list(tokens(text))
    for words in tokens("\n".join(_lines("sentences.txt"))):
        yield OWN_WEIGHT, [words]


def count(
    texts: Sequence[tuple[int, list[list[str]]]], loans: set[str], names: set[str]
) -> tuple[Counter[str], Counter[str], Counter[tuple[str, str]]]:
    """Words, words with English and names as classes, and pairs of those; no text counts more than a few times."""
    words, singles, pairs = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for weight, text in texts:
        here, single, pair = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
        for sentence in filter(None, text):
            line = [ENGLISH if word in loans else NAME if word in names else word for word in sentence]
            here.update(word for word in sentence if word not in loans and not word.startswith("<"))
            single.update([EDGE, *line])
            pair.update(both for both in zip([EDGE, *line], [*line, EDGE], strict=True) if both != (EDGE, EDGE))
        words.update({word: weight * min(n, MOST_IN_TEXT) for word, n in here.items()})
        pairs.update({both: weight * min(n, MOST_IN_TEXT // 2) for both, n in pair.items()})
        singles.update({word: weight * n for word, n in single.items()})
    return words, singles, pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True)
    parser.add_argument("--stories", type=Path, required=True)
    parser.add_argument("--dictionary", type=Path, nargs="+", required=True, help="words, the first column of tables")
    parser.add_argument("--english", type=Path, required=True, help="the folder of SCOWL's word lists")
    arguments = parser.parse_args()
    texts = list(read_texts(arguments.sentences, arguments.stories))
    counts = counts_of_lists()
    familiar = set(counts) | {word for weight, text in texts if weight > 1 for words in text for word in words}
    loans = {native(word) for spoken in english.words().values() for word in spoken.split()} - familiar
    names = {native(word) for word in latin.indian_words().values()} - familiar
    seen, singles, pairs = count(texts, loans, names)
    counts.update(seen)
    known = dictionary(arguments.dictionary[0])
    counts = Counter(
        {word: n for word, n in counts.items() if n > 1 or word in familiar or morphology.bare(word) in known}
    )
    for word in listed(arguments.dictionary):
        counts.setdefault(word, RARE)  # type: ignore[arg-type]
    forms = weights()
    write_words(Counter({word: count for word, count in counts.items() if len(word) > 1 or word in familiar}), forms)
    write_pairs(pairs, singles)
    rows = [f"{unit}\t" + "\t".join(f"{f}\t{c}" for f, c in costs.items()) for unit, costs in learn_spellings().items()]
    write("romanised_spellings", "# phone\tletters\tcost\t…\thow phones are typed (- is nothing): -100 ln(share)", rows)
    short = {line.split("\t")[0]: line.replace("_", " ") for line in _lines("short_forms.txt")}
    write(
        "romanised_short_forms",
        "# letters\tHindi words:their share\t…",
        (line.replace(" ", "\t") if ":" in line else line for line in short.values()),
    )
    levels = {word: level for level in (20, 10) for word in _scowl(arguments.english, level)}
    write(
        "english_common",
        "# word\tlevel: 10 the commonest, 20 (SCOWL)",
        (f"{w}\t{n}" for w, n in sorted(levels.items())),
    )


def _scowl(folder: Path, level: int) -> set[str]:
    texts = [
        (folder / f"{kind}-words.{level}").read_text(encoding="latin-1") for kind in ("english", "american", "british")
    ]
    return {word for text in texts for word in text.split() if re.fullmatch("[a-z]+", word)}


if __name__ == "__main__":
    main()
