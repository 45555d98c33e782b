#pragma once

#include <memory>

#include "examples/attention_classifier/generated_language.h"
#include "examples/attention_classifier/trainer.h"

namespace attention_classifier {

// A small data set and a trainer on it that takes a second for an epoch.
struct SmallTraining {
  explicit SmallTraining(TrainingOptions changed = {}) : options(std::move(changed)) {
    options.batch = 16;
    options.device = "reference";
  }

  Trainer make() const {
    return Trainer(model, options, encode_windows(language.train, vocabulary),
                   encode_windows(language.dev, vocabulary));
  }

  TrainingOptions options;
  GeneratedLanguage language = generate_language(1, 260, 40);
  Vocabulary vocabulary{language.train};
  ModelOptions model{vocabulary.word_count(), vocabulary.ending_count()};
};

}  // namespace attention_classifier
