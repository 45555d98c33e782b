#pragma once

#include <sinter/sinter.h>

#include <string>

#include "examples/attention_classifier/model.h"
#include "examples/attention_classifier/vocabulary.h"

namespace attention_classifier {

// A trained model as a file: the parameters as safetensors, and in its metadata all that predicting needs.
struct Checkpoint {
  ModelOptions model;
  Vocabulary vocabulary;
  std::string example;  // a sentence of the language it was trained on
  sinter::Arrays parameters;
};

// Takes the parameters from a compiled program.
Checkpoint make_checkpoint(const sinter::Program& program, const ModelOptions& model,
                           const Vocabulary& vocabulary, const std::string& example);

// Atomically. Throws sinter::Error where the file cannot be written.
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);

// Throws sinter::Error where the file is missing, damaged or none that save_checkpoint wrote.
Checkpoint load_checkpoint(const std::string& path);

// Puts the parameters into a compiled program. Throws sinter::Error, beginning with `path`, where they
// are not those of the program, which is then as before.
void restore(const std::string& path, const Checkpoint& checkpoint, sinter::Program& program);

}  // namespace attention_classifier
