"""Writes a tokenizer of 200 made-up words, since the tools that make prompts need one and shall ask no hub for it."""
import json, os, sys
from tokenizers import Tokenizer, models, pre_tokenizers

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
words = ["[UNK]", *(f"w{i}" for i in range(200))]
tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer.save(f"{folder}/tokenizer.json")
with open(f"{folder}/tokenizer_config.json", "w") as file:
    json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]", "model_max_length": 100000}, file)
