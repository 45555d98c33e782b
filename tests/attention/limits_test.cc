#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

#include "backends/registry/registry.h"
#include "tests/attention/harness.h"

// Masks that compare positions with numbers from anywhere in a type: blocks of keys are left out by what the
// comparison says, sums in it wrapped around as the type does.
namespace sinter::test {
namespace {

using In = sinter::Inputs;
using Mask = std::function<Tensor(Tensor query, Tensor key, Tensor limit)>;

template <typename T>
std::vector<int64_t> limits() {
  constexpr int64_t kMost = std::numeric_limits<T>::max(), kLeast = std::numeric_limits<T>::min();
  std::vector<int64_t> all = {kMost,  kMost - 1,  kMost - 68,  kMost / 2,  kMost / 2 + 1,
                              kLeast, kLeast + 1, kLeast + 69, kLeast / 2, -1,
                              0,      1,          35,          69,         70};
  if (sizeof(T) == 8) {
    for (const int64_t far : {int64_t{1} << 31, int64_t{1} << 32, -(int64_t{1} << 32), int64_t{1} << 62}) {
      all.insert(all.end(), {far - 1, far, far + 33});
    }
  }
  return all;
}

class AttentionLimits : public ::testing::TestWithParam<std::string> {
 protected:
  static void check(const std::string& name, const Mask& mask) {
    for (const DType type : {i32, i64}) {
      if (type == i64 && !backends::open_device(GetParam())->target().has_i64)
        GTEST_SKIP() << "the device has no i64";
      const auto given = type == i32 ? limits<int32_t>() : limits<int64_t>();
      const auto batch = static_cast<int64_t>(given.size());
      Form form{fmt::format("{} in {}", name, sinter::name(type)),
                {{"q", f32, {batch, 1, 3, 4}},
                 {"k", f32, {batch, 1, 70, 4}},
                 {"v", f32, {batch, 1, 70, 4}},
                 {"limit", type, {batch, 1, 1, 1}}},
                [=](const In& in) {
                  const Tensor scores = matmul(in["q"], transpose(in["k"], {0, 1, 3, 2}));
                  const Tensor seen = mask(iota({3, 70}, 0, type), iota({3, 70}, 1, type), in["limit"]);
                  return matmul(softmax(where(broadcast_to(seen, scores.shape()), scores,
                                              -std::numeric_limits<double>::infinity())),
                                in["v"]);
                }};
      form.integers = given;
      EXPECT_TRUE(
          test::check(form, true, GetParam().c_str()).anchors.starts_with("attention attention_backward"));
    }
  }
};

TEST_P(AttentionLimits, OfKeys) {
  check("up to", [](Tensor, Tensor key, Tensor limit) { return key <= limit; });
  check("below", [](Tensor, Tensor key, Tensor limit) { return limit > key; });
  check("from", [](Tensor, Tensor key, Tensor limit) { return !(key < limit); });
  check("at", [](Tensor, Tensor key, Tensor limit) { return key == limit; });
}

TEST_P(AttentionLimits, OfSums) {
  check("of positions", [](Tensor query, Tensor key, Tensor limit) { return key <= query + limit; });
  check("of keys", [](Tensor, Tensor key, Tensor limit) { return key + limit < 40; });
  check("a window", [](Tensor query, Tensor key, Tensor limit) {
    return (key - limit < query + 7) & (query - key < limit);
  });
  check("twice", [](Tensor, Tensor key, Tensor limit) { return key - limit <= 30 + limit; });
  check("times two", [](Tensor query, Tensor key, Tensor limit) { return key + limit * 2 >= query; });
}

// With the last number itself as a constant.
TEST_P(AttentionLimits, OfConstants) {
  const auto most = [](const Tensor& like) {
    return like.dtype() == i32 ? std::numeric_limits<int32_t>::max() : std::numeric_limits<int64_t>::max();
  };
  check("the last", [&](Tensor, Tensor key, Tensor limit) { return (key <= most(key)) & (key >= limit); });
  check("wrapped", [&](Tensor, Tensor key, Tensor limit) { return (key + most(key) < 5) | (key == limit); });
}

INSTANTIATE_TEST_SUITE_P(Devices, AttentionLimits, ::testing::Values("cpu", "vulkan"),
                         [](const auto& device) { return device.param; });

}  // namespace
}  // namespace sinter::test
