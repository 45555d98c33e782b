#include "examples/attention_classifier/model.h"

#include <vector>

namespace attention_classifier {
namespace {

using sinter::Input;
using sinter::Inputs;
using sinter::Operand;
using sinter::Outputs;
using sinter::Tensor;

const sinter::Dim kBatch{"batch"};

std::vector<Input> unlabelled_inputs() {
  return {{"words", sinter::i32, {kBatch, kWindowLength}},
          {"endings", sinter::i32, {kBatch, kWindowLength}},
          {"shapes", sinter::i32, {kBatch, kWindowLength}},
          {"lengths", sinter::i32, {kBatch}}};
}

std::vector<Input> labelled_inputs() {
  std::vector<Input> inputs = unlabelled_inputs();
  inputs.push_back({"labels", sinter::i32, {kBatch, kWindowLength}});
  return inputs;
}

Tensor logits_of(const AttentionClassifier& model, const Inputs& in) {
  const Tensor embeddings = model.embed(in["words"], in["endings"], in["shapes"]);
  return model.classify(model.transform(model.attend(embeddings, in["lengths"])));
}

Tensor count(const Tensor& condition) {
  return sinter::sum(sinter::cast(condition, sinter::i32));
}

// The words whose highest score is that of their label, and all that have one.
Outputs score(const Tensor& logits, const Tensor& labels) {
  const Tensor counts = labels != kNoLabel;
  return {{"correct", count(counts & (sinter::argmax(logits, -1) == labels))}, {"counted", count(counts)}};
}

}  // namespace

AttentionClassifier::AttentionClassifier(const ModelOptions& options)
    : features_(options.features),
      words_(*this, "words", options.word_count, kWidth, kEmbedding),
      endings_(*this, "endings", options.ending_count, kWidth, kEmbedding),
      shapes_(*this, "shapes", Vocabulary::shape_count(), kWidth, kEmbedding),
      attention_(*this, "attention", {.width = kWidth, .heads = options.heads}) {}

Tensor AttentionClassifier::embed(Operand words, Operand endings, Operand shapes) const {
  Tensor sum = words_(words) + positions_;
  if (features_ == Features::all) sum = sum + endings_(endings) + shapes_(shapes);
  return sinter::dropout(sum, kDropout);
}

Tensor AttentionClassifier::attend(Operand embeddings, const Tensor& lengths) const {
  return embeddings + attention_(embeddings, {.lengths = lengths});
}

Tensor AttentionClassifier::attention_weights(Operand embeddings, const Tensor& lengths) const {
  return attention_.weights(embeddings, {.lengths = lengths});
}

Tensor AttentionClassifier::transform(Operand contexts) const {
  return contexts + feed_forward_(contexts);
}

Tensor AttentionClassifier::classify(Operand transformed) const {
  return classes_(transformed);
}

void add_train(sinter::Program& program, const AttentionClassifier& model, sinter::Optimizer& optimizer,
               const StepOptions& options) {
  program.add("train", labelled_inputs(),
              [&model, &optimizer, gives_rate = options.gives_rate](const Inputs& in) -> Outputs {
                const Tensor logits = logits_of(model, in);
                const Tensor loss = sinter::cross_entropy(logits, in["labels"], {.ignore_index = kNoLabel});
                Outputs outputs = score(logits, in["labels"]);
                const sinter::Update update = optimizer.minimize(loss, {.check_finite = true});
                outputs.emplace_back("loss", update.loss);
                if (gives_rate) outputs.emplace_back("learning_rate", update.learning_rate);
                return outputs;
              },
              {.training = true, .micro_batches = options.micro_batches});
}

void add_evaluate(sinter::Program& program, const AttentionClassifier& model) {
  program.add("evaluate", labelled_inputs(),
              [&](const Inputs& in) -> Outputs { return score(logits_of(model, in), in["labels"]); });
}

void add_predict(sinter::Program& program, const AttentionClassifier& model) {
  program.add("predict", unlabelled_inputs(), [&](const Inputs& in) -> Outputs {
    const Tensor embeddings = model.embed(in["words"], in["endings"], in["shapes"]);
    const Tensor contexts = model.attend(embeddings, in["lengths"]);
    const Tensor transformed = model.transform(contexts);
    return {{"embeddings", embeddings},
            {"weights", model.attention_weights(embeddings, in["lengths"])},
            {"contexts", contexts},
            {"transformed", transformed},
            {"probabilities", sinter::softmax(model.classify(transformed))}};
  });
}

}  // namespace attention_classifier
