#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "examples/attention_classifier/sentence.h"

namespace attention_classifier {

// A small made-up English for runs without a data set. Most of its nouns and verbs are the same words ("run",
// "plan"); "light" is a noun or an adjective, "like" a verb or a preposition, "well" an interjection or an
// adverb. Which one, only the rest of the sentence tells, for certain: a determiner or pronoun up to eight
// words before, or what stands up to six words after. Sentences have at most ten words, so each is one
// window.
struct GeneratedLanguage {
  std::vector<Sentence> train;
  std::vector<Sentence> dev;
};

// Depends on nothing but the arguments; train and dev are drawn independently.
GeneratedLanguage generate_language(uint64_t seed, int64_t train_count = 4000, int64_t dev_count = 500);

// The accuracy on these sentences of the best model that sees each word alone: always the class that the word
// has most often in them. A model that does better reads the context.
double context_free_ceiling(std::span<const Sentence> sentences);

}  // namespace attention_classifier
