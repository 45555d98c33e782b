#pragma once

#include <map>
#include <string>

#include "examples/char_model/model.h"
#include "examples/char_model/text.h"

namespace char_model {

// What a checkpoint says of the model beside its weights.
std::map<std::string, std::string> to_texts(const ModelOptions& model, const Vocabulary& vocabulary);

struct Recipe {
  ModelOptions model;
  Vocabulary vocabulary;
};
// Throws sinter::Error, naming the file, where that is not all there.
Recipe from_texts(const std::string& path, const std::map<std::string, std::string>& texts);

}  // namespace char_model
