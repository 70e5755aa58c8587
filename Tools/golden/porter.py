"""Writes 5,000 words with their Porter stems by NLTK, an implementation of its own.

    pip install nltk==3.9.2
    python Tools/golden/porter.py Tests/Fixtures/retrieval/porter.json

The words are made of stems and of the suffixes that the rules name, and of random letters, so that every rule is met
with each of its conditions true and false. NLTK's mode MARTIN_EXTENSIONS is Porter's own later program, as Lucene's is.
"""

import json
import random
import sys

import nltk
from nltk.stem.porter import PorterStemmer

STEMS = (
    "a ab act adopt agree air app bab bib bl bowdl cat cav ch comm cond cons cr cy depend e electr eng f fall fil fl form "
    "goodn h happ hiss hop hum i irrit iz l lax log m max mot mull n nat o off op oper oscill pl plast pony prob qu r rad "
    "rat rel rep revis sens sk sky sn st sulph t tan toy tr trap trist tw u val viet vil w wax x y yell z zymo").split()
SUFFIXES = (
    "s es sses ies ss eed ed ing ating bling izing ted ssed lled zzed pping y yed ational tional enci anci izer abli bli "
    "alli entli eli ousli ization ation ator alism iveness fulness ousness aliti iviti biliti logi icate ative alize iciti "
    "ical ful ness al ance ence er ic able ible ant ement ment ent ion sion tion ou ism ate iti ous ive ize e le ll lle "
    "owed ixed aying").split()


def words(count, seed):
    source, found = random.Random(seed), set()
    while len(found) < count:
        if source.random() < 0.2:
            found.add("".join(source.choice("aeiouybdlstz") for _ in range(source.randint(1, 9))))
        else:
            middle = source.choice(["", "", "", source.choice(SUFFIXES), source.choice(STEMS)])
            found.add(source.choice(STEMS) + middle + source.choice(SUFFIXES))
    return sorted(found)


def main(path):
    stem = PorterStemmer(mode=PorterStemmer.MARTIN_EXTENSIONS).stem
    content = {"script": "Tools/golden/porter.py", "nltk": nltk.__version__, "seed": 1980,
               "stems": {word: stem(word) for word in words(5000, 1980)}}
    with open(path, "w") as file:
        json.dump(content, file, indent=0)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
