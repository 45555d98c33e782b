#include "examples/attention_classifier/feed.h"

#include <algorithm>
#include <cassert>

namespace attention_classifier {
namespace {

void copy(const sinter::runtime::HostTensor& from, std::span<int32_t> to) {
  assert(static_cast<size_t>(from.size()) == to.size());
  std::ranges::copy(from.values<int32_t>(), to.begin());
}

}  // namespace

Feed::Feed(sinter::Function& function)
    : words_(function.input<int32_t>("words")),
      endings_(function.input<int32_t>("endings")),
      shapes_(function.input<int32_t>("shapes")),
      lengths_(function.input<int32_t>("lengths")) {
  for (const sinter::TensorInfo& input : function.inputs()) {
    if (input.name == "labels") labels_ = function.input<int32_t>("labels");
  }
}

void Feed::load(const Windows& batch) const {
  copy(batch.words, words_);
  copy(batch.endings, endings_);
  copy(batch.shapes, shapes_);
  copy(batch.lengths, lengths_);
  if (!labels_.empty()) copy(batch.labels, labels_);
}

}  // namespace attention_classifier
