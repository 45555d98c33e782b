#include "backends/vulkan/compile/shader_needs.h"

#include <algorithm>
#include <map>

#include "backends/vulkan/compile/instructions.h"

namespace sinter::vulkan {
namespace {

// As the specification of SPIR-V numbers them.
constexpr uint32_t kOpExecutionMode = 16, kOpCapability = 17;
constexpr uint32_t kOpTypeBool = 20, kOpTypeInt = 21, kOpTypeFloat = 22, kOpTypeVector = 23,
                   kOpTypeArray = 28, kOpTypePointer = 32, kOpConstant = 43, kOpVariable = 59,
                   kOpControlBarrier = 224;
constexpr uint32_t kLocalSize = 17, kWorkgroup = 4, kSubgroup = 3;

// From GroupNonUniform to GroupNonUniformQuad: what subgroups do.
constexpr uint32_t kFirstOfSubgroups = 61, kLastOfSubgroups = 68;

void add_capability(uint32_t capability, int64_t subgroup_size, Needs& needs) {
  static const std::map<uint32_t, int64_t Needs::*> flags = {
      {10, &Needs::f64},          // Float64
      {11, &Needs::i64},          // Int64
      {39, &Needs::bytes},        // Int8
      {63, &Needs::arithmetic},   // GroupNonUniformArithmetic
      {65, &Needs::shuffle},      // GroupNonUniformShuffle
      {4448, &Needs::bytes},      // StorageBuffer8BitAccess
      {4449, &Needs::bytes},      // UniformAndStorageBuffer8BitAccess
      {4464, &Needs::denormals},  // DenormPreserve
      {4466, &Needs::nan},        // SignedZeroInfNanPreserve
  };
  if (const auto flag = flags.find(capability); flag != flags.end()) needs.*flag->second = 1;
  if (capability >= kFirstOfSubgroups && capability <= kLastOfSubgroups) needs.subgroup_size = subgroup_size;
}

// Bytes of types and constants, as they are declared one after the other.
class Sizes {
 public:
  void declare(uint32_t op, Words words) {
    switch (op) {
      case kOpTypeBool:
        bytes_[words[1]] = 4;
        break;
      case kOpTypeInt:
      case kOpTypeFloat:
        bytes_[words[1]] = words[2] / 8;
        break;
      case kOpTypeVector:
        bytes_[words[1]] = bytes_[words[2]] * words[3];
        break;
      case kOpTypeArray:
        bytes_[words[1]] = bytes_[words[2]] * constants_[words[3]];
        break;
      case kOpTypePointer:
        bytes_[words[1]] = bytes_[words[3]];  // of what it points to
        break;
      case kOpConstant:
        constants_[words[2]] = words[3];
        break;
      default:
        break;
    }
  }
  int64_t of(uint32_t type) const { return bytes_.at(type); }
  int64_t constant(uint32_t id) const { return constants_.at(id); }

 private:
  std::map<uint32_t, int64_t> bytes_, constants_;
};

}  // namespace

void add_needs(const std::vector<uint32_t>& spirv, int64_t subgroup_size, Needs& needs) {
  Sizes sizes;
  int64_t shared = 0;
  each_instruction(spirv, [&](uint32_t op, Words words) {
    if (op == kOpCapability) add_capability(words[1], subgroup_size, needs);
    if (op == kOpExecutionMode && words[2] == kLocalSize) {
      const int64_t invocations = static_cast<int64_t>(words[3]) * words[4] * words[5];
      needs.invocations = std::max(needs.invocations, invocations);
    }
    sizes.declare(op, words);
    // Which lanes a subgroup has follows from its size.
    if (op == kOpControlBarrier && sizes.constant(words[1]) == kSubgroup) needs.arithmetic = 1;
    if (op == kOpVariable && words[3] == kWorkgroup) shared += sizes.of(words[1]);
  });
  needs.shared_bytes = std::max(needs.shared_bytes, shared);
}

}  // namespace sinter::vulkan
