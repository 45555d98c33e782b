#include "frontend/calls/marks.h"

#include <algorithm>
#include <cstring>

#include "frontend/base/tensor_info.h"

namespace sinter {
namespace {

// Eight bytes at a time: batches are hashed at every step.
uint64_t hash_bytes(uint64_t hash, const void* data, size_t bytes) {
  constexpr uint64_t kFactor = 0x9e3779b97f4a7c15u;
  const auto* from = static_cast<const char*>(data);
  for (; bytes > 0; from += std::min<size_t>(bytes, 8), bytes -= std::min<size_t>(bytes, 8)) {
    uint64_t word = 0;
    std::memcpy(&word, from, std::min<size_t>(bytes, 8));
    hash = (hash ^ word) * kFactor;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

uint64_t data_mark(runtime::Context& context, const runtime::Call& call,
                   const std::vector<TensorInfo>& inputs) {
  uint64_t hash = 1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!call.bound.empty() && call.bound[i] != nullptr) continue;
    const void* from = call.inputs[i] != nullptr ? call.inputs[i] : context.input(i);
    if (from == nullptr) continue;
    hash = hash_bytes(hash, from, bytes_of(inputs[i]));
  }
  return hash;
}

uint64_t program_mark(uint64_t identity, uint32_t step, uint64_t seed) {
  const uint64_t facts[] = {identity, step, seed};
  return hash_bytes(1, facts, sizeof(facts));
}

}  // namespace sinter
