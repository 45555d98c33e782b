#pragma once

#include <string>
#include <vector>

#include "examples/attention_classifier/sentence.h"

namespace attention_classifier {

// Reads the sentences of a CoNLL-U file (universaldependencies.org/format.html): column 2 is the word, and
// column 4, the part of speech, gives its class. Comments, multi-word tokens (id 1-2) and empty nodes
// (id 1.1) are left out. Throws sinter::RuntimeError where the file cannot be read or holds no sentence, and
// for a malformed line: "PATH:LINE: expected 10 tab-separated columns, got 3".
std::vector<Sentence> read_conllu(const std::string& path);

}  // namespace attention_classifier
