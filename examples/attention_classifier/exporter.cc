#include "examples/attention_classifier/exporter.h"

#include "runtime/file.h"

namespace attention_classifier {
namespace {

void append(std::string& bytes, const void* data, size_t size) {
  bytes.append(static_cast<const char*>(data), size);
}

// Integers of 32 bits: how many windows, and then their tensors.
void append(std::string& bytes, const Windows& windows) {
  const auto count = static_cast<int32_t>(windows.count());
  append(bytes, &count, sizeof(count));
  for (const auto* tensor :
       {&windows.words, &windows.endings, &windows.shapes, &windows.lengths, &windows.labels})
    append(bytes, tensor->raw(), tensor->bytes());
}

}  // namespace

void export_trainer(const std::string& folder, const std::string& target, const ModelOptions& model,
                    const TrainingOptions& options, const Windows& train, const Windows& dev) {
  Trainer trainer(model, options, train, dev);
  trainer.export_to(folder, {.name = "tagger", .functions = {"train", "evaluate"}, .target = target});
  std::string bytes;
  append(bytes, train);
  append(bytes, dev);
  sinter::runtime::write_file_atomically(folder + "/windows.bin", bytes);
}

}  // namespace attention_classifier
