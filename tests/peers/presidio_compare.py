"""Microsoft Presidio's pattern recognisers on labelled texts: reads JSON lines `{"text", "language"}` from standard input and writes for
each line the types it found, as a JSON list. No model is loaded: the pipeline is a blank one.

    python3 presidio_compare.py < texts.jsonl > found.jsonl
"""

import json
import logging
import sys

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer import predefined_recognizers as known
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

# What Presidio says, in our words. The threshold is the lowest that its documentation works with after context.
TYPES = {
    "CREDIT_CARD": "bank_card", "IBAN_CODE": "iban", "US_SSN": "us_ssn", "US_ITIN": "us_itin", "UK_NINO": "uk_nino",
    "IN_AADHAAR": "in_aadhaar", "IN_PAN": "in_pan", "SG_NRIC_FIN": "sg_nric", "ES_NIF": "es_nif", "ES_NIE": "es_nif",
    "IT_FISCAL_CODE": "it_cf", "PL_PESEL": "pl_pesel", "AU_TFN": "au_tfn", "EMAIL_ADDRESS": "email", "KR_RRN": "kr_rrn",
    "CA_SIN": "ca_sin", "DE_TAX_ID": "de_taxid", "MAC_ADDRESS": "mac", "TH_TNIN": "th_id",
}
RECOGNISERS = [
    "CreditCardRecognizer", "IbanRecognizer", "UsSsnRecognizer", "UsItinRecognizer", "UkNinoRecognizer", "InAadhaarRecognizer",
    "InPanRecognizer", "SgFinRecognizer", "EsNifRecognizer", "EsNieRecognizer", "ItFiscalCodeRecognizer", "PlPeselRecognizer",
    "AuTfnRecognizer", "EmailRecognizer", "IpRecognizer", "KrRrnRecognizer", "CaSinRecognizer", "DeTaxIdRecognizer", "MacAddressRecognizer",
    "ThTninRecognizer",
]
THRESHOLD = 0.4


class Blank(NlpEngine):
    """Tokens of a blank pipeline, each its own lemma: what the look at the words around a value needs."""

    def __init__(self):
        self.pipeline = None

    def load(self):
        self.pipeline = spacy.blank("en")

    def is_loaded(self):
        return self.pipeline is not None

    def process_text(self, text, language):
        tokens = self.pipeline(text)
        return NlpArtifacts(
            entities=[], tokens=tokens, tokens_indices=[token.idx for token in tokens],
            lemmas=[token.text.lower() for token in tokens], nlp_engine=self, language=language,
        )

    def process_batch(self, texts, language, **_):
        return [(text, self.process_text(text, language)) for text in texts]

    def is_stopword(self, word, language):
        return False

    def is_punct(self, word, language):
        return not any(letter.isalnum() for letter in word)

    def get_supported_entities(self):
        return []

    def get_supported_languages(self):
        return ["en"]


def main():
    logging.disable(logging.WARNING)
    engine = Blank()
    engine.load()
    registry = RecognizerRegistry(recognizers=[], supported_languages=["en"])
    for name in RECOGNISERS:
        registry.add_recognizer(getattr(known, name)(supported_language="en"))
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    for line in sys.stdin:
        text = json.loads(line)["text"]
        found = analyzer.analyze(text, language="en", score_threshold=THRESHOLD)
        types = []
        for one in found:
            what = TYPES.get(one.entity_type)
            if one.entity_type == "IP_ADDRESS":
                what = "ipv6" if ":" in text[one.start:one.end] else "ipv4"
            if what:
                types.append(what)
        print(json.dumps(types))


main()
