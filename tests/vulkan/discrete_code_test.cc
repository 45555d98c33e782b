#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"

// What shaders for discrete GPUs look like, counted in their text: as much in registers and shared memory as
// the design says, loops that do nothing but load fours and multiply.
namespace sinter::vulkan::test {
namespace {

constexpr const char* kDiscrete[] = {"h200", "rtx4070", "rx7900", "arc"};

std::string glsl(const std::string& text, const std::string& target) {
  return function_text(graph::parse(text, "test.sg"), "f", *backends::open_device("vulkan", 1, target),
                       "glsl");
}

size_t count(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<size_t>(std::distance(std::sregex_iterator(text.begin(), text.end(), regex), {}));
}

// From a line that has `begin` to the line that closes its block.
std::string block(const std::string& text, const std::string& begin) {
  const size_t at = text.find(begin);
  if (at == std::string::npos) return "";
  const size_t line = text.rfind('\n', at) + 1;
  const std::string close = "\n" + std::string(text.find_first_not_of(' ', line) - line, ' ') + "}";
  return text.substr(line, text.find(close, at) - line);
}

// Numbers in the first group of each match, added up.
int64_t total(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  int64_t sum = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it)
    sum += std::stoll((*it)[1]);
  return sum;
}

std::string product(int64_t m, int64_t n, int64_t k, const std::string& dims) {
  const auto shape = [](int64_t a, int64_t b) {
    return "f32[" + std::to_string(a) + "," + std::to_string(b) + "]";
  };
  const bool turns_x = dims.starts_with("k"), turns_w = dims.substr(3).starts_with("j");
  return "func @f(%x: " + (turns_x ? shape(k, m) : shape(m, k)) +
         ", %w: " + (turns_w ? shape(n, k) : shape(k, n)) + ") {\n  %0: " + shape(m, n) +
         " = contract %x, %w {dims=\"" + dims + "->ij\"}\n  return %0\n}\n";
}

struct Design {
  const char* target;
  int64_t lanes, sums, fetched, shared_bytes;
  size_t stores = 1;
};

// 4096 x 4096 x 4096: lanes of a workgroup, a lane's sums, what it fetches of a chunk, what is staged,
// and how often four results are stored at a time: once, or by slices, which have added up theirs, some each.
TEST(DiscreteCode, OfLargeProductsIsTheDesign) {
  for (const Design& d : {Design{"h200", 256, 128, 12, 8 * (132 + 260) * 4},
                          Design{"rtx4070", 256, 128, 12, 8 * (132 + 260) * 4},
                          Design{"rx7900", 128, 128, 16, 8 * (132 + 132) * 4},
                          Design{"arc", 512, 64, 8, 2 * 16 * (132 + 132) * 4, 8},
                          Design{"least", 128, 128, 16, 8 * (132 + 132) * 4}}) {
    for (const char* dims : {"ik,kj", "ki,kj", "ik,jk", "ki,jk"}) {
      SCOPED_TRACE(std::string(d.target) + " " + dims);
      const std::string text = glsl(product(4096, 4096, 4096, dims), d.target);
      EXPECT_THAT(text, testing::HasSubstr("local_size_x = " + std::to_string(d.lanes)));
      EXPECT_EQ(total(text, R"(float sums\[(\d+)\])"), d.sums);
      EXPECT_EQ(total(text, R"(float [lr]hs_next\[(\d+)\])"), d.fetched);
      EXPECT_EQ(total(text, R"(shared vec4 \w+\[(\d+)\])") * 16, d.shared_bytes);
      EXPECT_EQ(count(text, "shared float"), 0u);

      const std::string loop = block(text, "for (int chunk");
      EXPECT_EQ(count(loop, R"(\?|min\(|max\(|mix\()"), 0u);
      EXPECT_EQ(count(loop, R"(\bif\b)"), 1u);  // whether there is a next chunk
      EXPECT_EQ(count(loop, R"(vec4 \w+ = in[01]_by_4\[)"), static_cast<size_t>(d.fetched / 4));
      EXPECT_EQ(count(loop, R"(in[01]\[)"), 0u);

      const std::string step = block(loop, "[[unroll]] for (int t");
      const int64_t rows = 8, columns = d.sums / rows;
      EXPECT_EQ(count(step, R"(vec4 \w+ = (left|right)_stage\[)"), static_cast<size_t>((rows + columns) / 4));
      EXPECT_EQ(count(step, R"(float (left|right)\w* = )"), static_cast<size_t>(rows + columns));
      EXPECT_EQ(count(step, R"(sums\[\d+\] = fma\()"), static_cast<size_t>(d.sums));
      EXPECT_EQ(count(step, R"(>>|uint\(\w+\) /)"), 0u);

      EXPECT_EQ(count(text, R"(out0_by_4\[.*\] = vec4\()"), d.stores);
      EXPECT_EQ(count(text, R"(out0\[.*\] = )"), 0u);
    }
  }
}

// Tiles that reach beyond the result, and a sum that chunks do not divide: what is beyond is asked before and
// behind the loop.
TEST(DiscreteCode, OfEdgesHasNoPredicatesInItsLoop) {
  for (const char* target : kDiscrete) {
    for (const char* dims : {"ik,kj", "ki,kj", "ik,jk", "ki,jk"}) {
      SCOPED_TRACE(std::string(target) + " " + dims);
      const std::string text = glsl(product(1020, 1012, 1004, dims), target);
      const std::string loop = block(text, "for (int chunk");
      ASSERT_NE(loop, "");
      EXPECT_EQ(count(loop, R"(\?|min\(|max\(|mix\()"), 0u);
      EXPECT_EQ(count(loop, R"(\bif\b)"), 1u);
      EXPECT_EQ(count(loop, R"(in[01]\[)"), 0u);
      EXPECT_GT(count(text.substr(0, text.find("for (int chunk")), R"(\?)"), 0u);
      EXPECT_GE(count(text, R"(out0_by_4\[.*\] = vec4\()"), 1u);
      EXPECT_EQ(count(text, R"(out0\[.*\] = )"), 0u);
    }
  }
}

// Ten rows of 64: all that is read is asked for at once, before anything waits for it.
TEST(DiscreteCode, OfSmallProductsAsksForAllAtOnce) {
  for (const char* target : kDiscrete) {
    SCOPED_TRACE(target);
    const std::string text = glsl(product(10, 64, 64, "ik,kj"), target);
    EXPECT_EQ(count(text, R"(\bfor \(int (chunk|k)\b)"), 0u);
    EXPECT_EQ(count(text.substr(text.find("barrier()")), R"(= in[01](_by_4)?\[)"), 0u);
    EXPECT_EQ(count(text, R"(vec4 \w+ = in[01]_by_4\[)") * 4,
              static_cast<size_t>(total(text, R"(float [lr]hs_next\[(\d+)\])")));
    EXPECT_LE(total(text, R"(float [lr]hs_next\[(\d+)\])"), 32);
  }
}

// A row is loaded once, by fours, and kept in registers.
TEST(DiscreteCode, OfRowsLoadsThemOnce) {
  for (const char* target : kDiscrete) {
    SCOPED_TRACE(target);
    for (const char* op : {"softmax %x {axis=1}", "layer_norm %x, %s, %b {epsilon=1e-05}"}) {
      const std::string text =
          glsl(std::string("func @f(%x: f32[4096,1024], %s: f32[1024], %b: f32[1024]) {\n") +
                   "  %0: f32[4096,1024] = " + op + "\n  return %0\n}\n",
               target);
      EXPECT_THAT(text, testing::HasSubstr("local_size_x = 128"));
      EXPECT_EQ(count(text, R"(in0_by_4\[.*\];)"), 1u + 1u) << text;  // its declaration is one
      EXPECT_EQ(count(text, R"([^\w]in0\[[^\]])"), 0u) << text;
      EXPECT_EQ(count(text, R"(out0_by_4\[.*\] = vec4\()"), 1u) << text;
      EXPECT_EQ(total(text, R"(float stash0\[(\d+)\])"), 8);
      EXPECT_LE(total(text, R"(shared float \w+\[(\d+)\])") * 4, 4096);
    }
  }
}

TEST(DiscreteCode, OfElementwiseWorkIsByFours) {
  for (const char* target : kDiscrete) {
    SCOPED_TRACE(target);
    const std::string text = glsl(R"(func @f(%x: f32[4096,1024], %y: f32[4096,1024], %r: f32[1024]) {
  %0: f32[4096,1024] = mul %x, %y
  %1: f32[4096,1024] = broadcast %r {shape=[4096,1024], dims=[1]}
  %2: f32[4096,1024] = add %0, %1
  return %2
})",
                                  target);
    EXPECT_THAT(text, testing::HasSubstr("local_size_x = 256"));
    EXPECT_EQ(count(text, R"(vec4 \w+ = in[012]_by_4\[)"), 3u);
    EXPECT_EQ(count(text, R"(out0_by_4\[.*\] = vec4\()"), 1u);
    EXPECT_EQ(count(text, R"(\bfor\b|\bif\b)"), 0u) << text;
    EXPECT_EQ(count(text, R"(fma\()"), 0u) << text;
  }
}

// 1024 queries and keys of 8 heads of width 64, where each divides by blocks: the workgroup waits as often as
// places in shared memory change hands, subgroups for what a team does alone, nobody for memory, and nothing
// is asked of a score but whether it is greater.
TEST(DiscreteCode, OfAttentionFetchesAheadAndWaitsInSubgroups) {
  const std::string text =
      glsl(R"(func @f(%q: f32[8,1024,64], %k: f32[8,1024,64], %v: f32[8,1024,64], %d: f32[8,1024,64]) {
  %0: f32[8,1024,1024] = contract %q, %k {dims="bqw,bkw->bqk"}
  %1: f32[8,1024,1024] = softmax %0 {axis=2}
  %2: f32[8,1024,64] = contract %1, %v {dims="bqk,bku->bqu"}
  %3: f32[8,1024,64] = mul %2, %d
  %4: f32[] = reduce_sum %3 {axes=[0,1,2]}
  %5: f32[8,1024,64], %6: f32[8,1024,64], %7: f32[8,1024,64] = grad %4, %q, %k, %v
  return %2, %5, %6, %7
})",
           "h200");
  const std::string forward = block(text, "for (int key_block");
  const std::string backward = text.substr(text.find(forward) + forward.size());
  const std::string of_queries = block(backward, "for (int key_block");
  const std::string of_keys = block(backward, "for (int column_block");
  struct Loop {
    const std::string& text;
    size_t barriers, of_subgroups, of_columns;
  };
  for (const Loop& loop : {Loop{forward, 2, 2, 0}, Loop{of_queries, 4, 1, 0}, Loop{of_keys, 6, 1, 2}}) {
    SCOPED_TRACE(loop.text);
    EXPECT_EQ(count(loop.text, R"([^p]barrier\(\))"), loop.barriers);
    EXPECT_EQ(count(loop.text, "subgroupBarrier"), loop.of_subgroups);
    EXPECT_EQ(count(loop.text, R"(\?|min\(|max\()"), 0u);
    EXPECT_EQ(count(loop.text, R"(in\d\[)"), loop.of_columns);  // shifts and totals
    EXPECT_EQ(count(loop.text, R"(_stage(_\d)?\[.*\] = vec4\(v_)"), 0u);
  }
  EXPECT_EQ(count(text, R"(\bexp2\()"), 2u + 1u + 1u);
  EXPECT_EQ(count(text, R"(out\d_by_4\[.*\] = vec4\()"), 1u + 3u);  // attention and the gradients
}

// What compilers take for a real driver's input is valid, for every target.
TEST(DiscreteCode, IsValidSpirv) {
  for (const char* target : {"h200", "rtx4070", "rx7900", "arc", "least"}) {
    const auto device = backends::open_device("vulkan", 1, target);
    const auto spirv = [&](const std::string& text) {
      EXPECT_NE(function_text(graph::parse(text, "test.sg"), "f", *device, "spirv"), "");
    };
    for (const char* dims : {"ik,kj", "ki,kj", "ik,jk", "ki,jk"}) {
      spirv(product(1024, 1024, 1024, dims));
      spirv(product(130, 67, 33, dims));
    }
    spirv(R"(func @f(%x: f32[64,1000], %s: f32[1000], %b: f32[1000]) {
  %0: f32[64,1000] = softmax %x {axis=1}
  %1: f32[64,1000] = layer_norm %x, %s, %b {epsilon=1e-05}
  return %0, %1
})");
  }
}

TEST(NamedGpus, SayWhichThereAre) {
  EXPECT_THAT(
      [] { backends::open_device("vulkan", 1, "gtx"); },
      testing::ThrowsMessage<std::exception>("vulkan: no target is called 'gtx': expected native or one of "
                                             "h200, rtx4070, rx7900, arc, least"));
  const auto device = backends::open_device("vulkan", 1, "h200");
  EXPECT_EQ(device->target().multiprocessors, 132);
  EXPECT_THAT([&] { device->make_state({}); },
              testing::ThrowsMessage<std::exception>(
                  "vulkan: the target NVIDIA H200 is there to be looked at, not to run; a program runs on "
                  "'native'"));
}

}  // namespace
}  // namespace sinter::vulkan::test
