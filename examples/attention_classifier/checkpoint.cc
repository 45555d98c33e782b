#include "examples/attention_classifier/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <memory>
#include <string_view>
#include <utility>

#include "runtime/error.h"

namespace attention_classifier {
namespace {

constexpr std::string_view kProgram = "attention_classifier 1";

std::string class_list() {
  return fmt::format("{}", fmt::join(kClassNames, " "));
}

class Metadata {
 public:
  Metadata(const std::string& path, const sinter::TensorFile& file) : path_(path), file_(file) {
    if (text("program") != kProgram) fail(fmt::format("'program' is '{}'", text("program")));
    if (text("classes") != class_list()) fail(fmt::format("its classes are '{}'", text("classes")));
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw sinter::Error(fmt::format("{}: not a model of attention_classifier: {}", path_, what));
  }

  const std::string& text(const std::string& key) const {
    const auto found = file_.metadata.find(key);
    if (found == file_.metadata.end()) fail(fmt::format("'{}' is missing in its metadata", key));
    return found->second;
  }

  int64_t heads() const {
    const std::string& digits = text("heads");
    int64_t heads = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), heads);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    if (!whole || heads < 1 || kWidth % heads != 0) fail(fmt::format("it has '{}' heads", digits));
    return heads;
  }

  Features features() const {
    if (text("features") != "all" && text("features") != "word") {
      fail(fmt::format("its features are '{}'", text("features")));
    }
    return text("features") == "all" ? Features::all : Features::word;
  }

  Vocabulary vocabulary() const {
    try {
      return Vocabulary::from_json(text("vocabulary"));
    } catch (const sinter::RuntimeError& error) {
      fail(error.what());
    }
  }

 private:
  const std::string& path_;
  const sinter::TensorFile& file_;
};

}  // namespace

Checkpoint make_checkpoint(const sinter::Program& program, const ModelOptions& model,
                           const Vocabulary& vocabulary, const std::string& example) {
  Checkpoint checkpoint{model, vocabulary, example, {}};
  for (const sinter::TensorInfo& state : program.states())
    if (state.trainable) checkpoint.parameters[state.name] = program.state(state.name);
  return checkpoint;
}

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  sinter::TensorFile file;
  file.metadata = {{"program", std::string(kProgram)},
                   {"classes", class_list()},
                   {"heads", std::to_string(checkpoint.model.heads)},
                   {"features", checkpoint.model.features == Features::all ? "all" : "word"},
                   {"vocabulary", checkpoint.vocabulary.to_json()},
                   {"example", checkpoint.example}};
  file.arrays = checkpoint.parameters;
  sinter::save_safetensors(path, file);
}

Checkpoint load_checkpoint(const std::string& path) {
  sinter::TensorFile file = sinter::load_safetensors(path);
  const Metadata metadata(path, file);
  const Vocabulary vocabulary = metadata.vocabulary();
  const ModelOptions model{vocabulary.word_count(), vocabulary.ending_count(), metadata.heads(),
                           metadata.features()};
  return {model, vocabulary, metadata.text("example"), std::move(file.arrays)};
}

void restore(const std::string& path, const Checkpoint& checkpoint, sinter::Program& program) {
  const auto fail = [&](const std::string& what) { throw sinter::Error(fmt::format("{}: {}", path, what)); };
  const std::vector<sinter::TensorInfo> states = program.states();
  for (const sinter::TensorInfo& state : states) {
    const auto found = checkpoint.parameters.find(state.name);
    if (found == checkpoint.parameters.end()) fail(fmt::format("parameter '{}' is missing", state.name));
    const std::string expected = sinter::to_string(state.dtype, state.shape);
    const std::string got = sinter::to_string(found->second.dtype(), found->second.shape());
    if (got != expected) fail(fmt::format("parameter '{}' is {}, expected {}", state.name, got, expected));
  }
  if (checkpoint.parameters.size() != states.size()) {
    fail(fmt::format("it has {} tensors, the model {} parameters", checkpoint.parameters.size(),
                     states.size()));
  }
  for (const auto& [name, array] : checkpoint.parameters) program.set_state(name, array);
}

}  // namespace attention_classifier
