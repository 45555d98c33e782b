#pragma once

#include <sinter/sinter.h>

#include <cstdint>
#include <span>

#include "examples/attention_classifier/windows.h"

namespace attention_classifier {

// The memory of a function's inputs, looked up once. The function must outlive it.
class Feed {
 public:
  explicit Feed(sinter::Function& function);

  // As many windows as the function takes.
  void load(const Windows& batch) const;

 private:
  std::span<int32_t> words_;
  std::span<int32_t> endings_;
  std::span<int32_t> shapes_;
  std::span<int32_t> lengths_;
  std::span<int32_t> labels_;  // empty where the function takes none
};

}  // namespace attention_classifier
