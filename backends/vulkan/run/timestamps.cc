#include "backends/vulkan/run/timestamps.h"

namespace sinter::vulkan {

Timestamps::Timestamps(const Gpu& gpu, uint32_t count) : gpu_(gpu), count_(count) {
  if (gpu.logical().timestamp_bits() == 0) return;
  VkQueryPoolCreateInfo info{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
  info.queryType = VK_QUERY_TYPE_TIMESTAMP;
  info.queryCount = count;
  check(vkCreateQueryPool(gpu.device(), &info, nullptr, &pool_), "cannot take times");
}

Timestamps::~Timestamps() {
  if (pool_ != VK_NULL_HANDLE) vkDestroyQueryPool(gpu_.device(), pool_, nullptr);
}

void Timestamps::record_reset(VkCommandBuffer commands) const {
  if (pool_ != VK_NULL_HANDLE) vkCmdResetQueryPool(commands, pool_, 0, count_);
}

void Timestamps::record(VkCommandBuffer commands, uint32_t index) const {
  if (pool_ == VK_NULL_HANDLE) return;
  vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_, index);
}

std::vector<int64_t> Timestamps::read() const {
  if (pool_ == VK_NULL_HANDLE) return {};
  std::vector<uint64_t> ticks(count_);
  check(vkGetQueryPoolResults(gpu_.device(), pool_, 0, count_, ticks.size() * sizeof(uint64_t), ticks.data(),
                              sizeof(uint64_t), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
        "cannot take times");
  const uint32_t bits = gpu_.logical().timestamp_bits();
  const uint64_t mask = bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
  std::vector<int64_t> times;
  for (const uint64_t tick : ticks) {
    const auto passed = static_cast<double>((tick - ticks[0]) & mask);  // also where the clock starts anew
    times.push_back(static_cast<int64_t>(passed * static_cast<double>(gpu_.limits().timestampPeriod)));
  }
  return times;
}

}  // namespace sinter::vulkan
