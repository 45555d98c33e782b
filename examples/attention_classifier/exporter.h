#pragma once

#include <string>

#include "examples/attention_classifier/model.h"
#include "examples/attention_classifier/trainer.h"
#include "examples/attention_classifier/windows.h"

namespace attention_classifier {

// What examples/embedded trains: the functions "train" and "evaluate" of a model that is at its beginning, as
// FOLDER/tagger.o, tagger.h and tagger.safetensors, for a target as sinter::ExportOptions has it; and the
// windows as FOLDER/windows.bin. Throws sinter::Error.
void export_trainer(const std::string& folder, const std::string& target, const ModelOptions& model,
                    const TrainingOptions& options, const Windows& train, const Windows& dev);

}  // namespace attention_classifier
