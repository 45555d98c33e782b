#include "examples/attention_classifier/checkpoint.h"

#include <gmock/gmock.h>

#include "examples/attention_classifier/predictor.h"
#include "runtime/safetensors.h"
#include "tests/examples/trained.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"

namespace attention_classifier {
namespace {

using sinter::runtime::SafetensorsFile;

class CheckpointFile : public testing::Test {
 protected:
  CheckpointFile() {
    const Trainer trainer = training_.make();
    checkpoint_ = std::make_unique<Checkpoint>(
        make_checkpoint(trainer.program(), training_.model, training_.vocabulary, "run and dream ."));
    save_checkpoint(path_, *checkpoint_);
  }

  // Of loading the file and preparing to predict, after a change to it.
  std::string error_after(const std::function<void(SafetensorsFile&)>& change) const {
    SafetensorsFile file = sinter::runtime::read_safetensors(path_);
    change(file);
    sinter::runtime::write_safetensors(path_, file);
    std::string message = error_of_loading();
    save_checkpoint(path_, *checkpoint_);
    const std::string prefix = path_ + ": ";
    return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  }

  std::string error_of_loading() const {
    return sinter::message_of([&] {
      const Checkpoint loaded = load_checkpoint(path_);
      const Predictor predictor(path_, loaded, {.device = "reference"});
    });
  }

  SmallTraining training_;
  sinter::ScratchFolder folder_;
  std::string path_ = folder_.path("model.safetensors");
  std::unique_ptr<Checkpoint> checkpoint_;
};

TEST_F(CheckpointFile, GivesBackTheModel) {
  const Checkpoint loaded = load_checkpoint(path_);
  EXPECT_EQ(loaded.example, "run and dream .");
  EXPECT_EQ(loaded.model.heads, 4);
  EXPECT_EQ(loaded.vocabulary.to_json(), training_.vocabulary.to_json());
  EXPECT_EQ(loaded.parameters.size(), checkpoint_->parameters.size());
  const std::vector<std::string> words = {"run", "and", "dream", "now", "."};
  Predictor before("", *checkpoint_, {.device = "reference"});
  Predictor after(path_, loaded, {.device = "reference"});
  EXPECT_EQ(before.run(words)[0].probabilities, after.run(words)[0].probabilities);
}

TEST_F(CheckpointFile, HoldsParametersAndNoMoments) {
  for (const auto& [name, tensor] : checkpoint_->parameters) EXPECT_FALSE(name.starts_with("adamw")) << name;
  EXPECT_TRUE(checkpoint_->parameters.contains("attention.query.weight"));
}

TEST_F(CheckpointFile, RefusesOtherFiles) {
  EXPECT_EQ(error_after([](auto& file) { file.metadata.clear(); }),
            "not a model of attention_classifier: 'program' is missing in its metadata");
  EXPECT_EQ(error_after([](auto& file) { file.metadata["program"] = "other"; }),
            "not a model of attention_classifier: 'program' is 'other'");
  EXPECT_EQ(error_after([](auto& file) { file.metadata["heads"] = "5"; }),
            "not a model of attention_classifier: it has '5' heads");
  EXPECT_EQ(error_after([](auto& file) { file.metadata["features"] = "some"; }),
            "not a model of attention_classifier: its features are 'some'");
  EXPECT_EQ(error_after([](auto& file) { file.metadata["classes"] = "cat dog"; }),
            "not a model of attention_classifier: its classes are 'cat dog'");
  EXPECT_EQ(error_after([](auto& file) { file.metadata["vocabulary"] = "[]"; }),
            "not a model of attention_classifier: vocabulary: not a JSON object with the lists of strings "
            "'words' and 'endings'");
}

TEST_F(CheckpointFile, RefusesOtherParameters) {
  EXPECT_EQ(error_after([](auto& file) { file.tensors.erase("classes.bias"); }),
            "parameter 'classes.bias' is missing");
  EXPECT_EQ(error_after([](auto& file) {
              file.tensors["classes.bias"] =
                  sinter::runtime::HostTensor(sinter::runtime::DType::f32, sinter::Shape{6});
            }),
            "parameter 'classes.bias' is f32[6], expected f32[5]");
  EXPECT_EQ(error_after([](auto& file) {
              file.tensors["more"] =
                  sinter::runtime::HostTensor(sinter::runtime::DType::f32, sinter::Shape{1});
            }),
            "it has 19 tensors, the model 18 parameters");
}

TEST_F(CheckpointFile, RefusesADamagedFile) {
  const std::string bytes = sinter::runtime::read_file(path_);
  sinter::runtime::write_file_atomically(path_, bytes.substr(0, bytes.size() - 4));
  EXPECT_THAT(error_of_loading(), testing::StartsWith(path_ + ": damaged safetensors file: "));
}

}  // namespace
}  // namespace attention_classifier
