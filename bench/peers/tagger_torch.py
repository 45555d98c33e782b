"""The attention classifier of examples/attention_classifier, trained on CoNLL-U files in PyTorch.

usage: tagger_torch.py TRAIN DEV [--threads N] [--epochs N] [--seed N]
"""

import argparse
import collections
import json

import torch
from torch import nn
from torch.nn import functional as F

LENGTH, WIDTH, HEADS, BATCH, IGNORED = 10, 64, 4, 32, -100
CLASSES = {
    tag: number
    for number, tags in enumerate(
        ["NOUN PROPN PRON", "VERB AUX", "ADJ ADV NUM", "ADP DET PART CCONJ SCONJ", "PUNCT SYM INTJ X"])
    for tag in tags.split()
}


def read_windows(path):
    """Sentences in pieces of at most ten (word, class)."""
    windows, sentence = [], []
    with open(path, encoding="utf8") as file:
        for line in [*file, "\n"]:
            fields = line.rstrip("\n").split("\t")
            if fields[0].isdigit():
                sentence.append((fields[1], CLASSES[fields[3]]))
            elif not fields[0]:
                windows += [sentence[i:i + LENGTH] for i in range(0, len(sentence), LENGTH)]
                sentence = []
    return windows


def numbered(items, least):
    """A number from 2 on for what is there often enough; 0 pads, 1 is anything else."""
    common = [item for item, count in collections.Counter(items).most_common() if count >= least]
    return {item: number + 2 for number, item in enumerate(common)}


def shape_of(word):
    return (word[0].isupper() + 2 * word.isupper() + 4 * any(c.isdigit() for c in word) +
            8 * (not any(c.isalnum() for c in word)) + 1)


def encode(windows, words, endings):
    x = torch.zeros(len(windows), LENGTH, 3, dtype=torch.long)
    y = torch.full((len(windows), LENGTH), IGNORED)
    for i, window in enumerate(windows):
        for j, (word, label) in enumerate(window):
            lower = word.lower()
            x[i, j] = torch.tensor([words.get(lower, 1), endings.get(lower[-3:], 1), shape_of(word)])
            y[i, j] = label
    return x, y


class Tagger(nn.Module):
    def __init__(self, words, endings):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(n, WIDTH) for n in (words, endings, 18))
        self.positions = nn.Embedding(LENGTH, WIDTH)
        for table in [*self.tables, self.positions]:
            nn.init.normal_(table.weight, std=0.5)
        self.inputs, self.output = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.expand, self.contract = nn.Linear(WIDTH, 128), nn.Linear(128, WIDTH)
        self.classes = nn.Linear(WIDTH, 5)

    def forward(self, ids):
        x = sum(table(ids[..., i]) for i, table in enumerate(self.tables)) + self.positions.weight
        x = F.dropout(x, 0.3, self.training)
        heads = self.inputs(x).view(-1, LENGTH, 3, HEADS, WIDTH // HEADS)
        q, k, v = heads.permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(2, 3) * (WIDTH // HEADS)**-0.5
        scores = scores.masked_fill((ids[..., 0] == 0)[:, None, None, :], -1e9)
        x = x + self.output((scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, LENGTH, WIDTH))
        x = x + self.contract(F.relu(self.expand(x)))
        return self.classes(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("train")
    parser.add_argument("dev")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    train, dev = read_windows(options.train), read_windows(options.dev)
    words = numbered((word.lower() for window in train for word, _ in window), 2)
    endings = numbered((word.lower()[-3:] for window in train for word, _ in window), 3)
    x, y = encode(train, words, endings)
    dev_x, dev_y = encode(dev, words, endings)
    model = Tagger(len(words) + 2, len(endings) + 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01, fused=True)
    steps = len(train) // BATCH
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: max(0.05, 1 - i / (options.epochs * steps)))
    for _ in range(options.epochs):
        order = torch.randperm(len(train))
        model.train()
        for batch in order[:steps * BATCH].split(BATCH):
            loss = F.cross_entropy(model(x[batch]).flatten(0, 1), y[batch].flatten(), ignore_index=IGNORED)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss.item()
        model.eval()
        with torch.no_grad():
            labelled = dev_y != IGNORED
            accuracy = (model(dev_x).argmax(-1) == dev_y)[labelled].float().mean().item()
    print(json.dumps({"system": "torch", "workload": "tagger", "dev_accuracy": accuracy}))


main()
