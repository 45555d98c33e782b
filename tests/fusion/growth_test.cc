#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>
#include <unordered_set>

#include "backends/cpu/compile/sanitize.h"
#include "backends/reference/interpreter.h"
#include "ir/graph/text/text.h"
#include "ir/graph/verify.h"
#include "passes/differentiate/differentiate.h"
#include "passes/pipeline.h"

// What a program becomes is as long as the program, whatever it is that there is more of; and nothing
// recurses along it.
namespace sinter::test {
namespace {

// Statements and expressions, those that others share once.
class Size {
 public:
  size_t of(const loop::Program& program) {
    for (const loop::Kernel& kernel : program.kernels) {
      for (const loop::Stmt& part : kernel.parts) visit(part);
    }
    return statements_ + seen_.size();
  }

 private:
  void visit(const loop::Stmt& stmt) {
    ++statements_;
    for (const loop::Expr* x : {&stmt->begin, &stmt->extent, &stmt->limit, &stmt->index, &stmt->value,
                                &stmt->condition, &stmt->position})
      visit(*x);
    for (const loop::Stmt& child : stmt->body) visit(child);
  }

  void visit(const loop::Expr& x) {
    if (x == nullptr || !seen_.insert(x.get()).second) return;
    for (const loop::Expr& arg : x->args) visit(arg);
  }

  size_t statements_ = 0;
  std::unordered_set<const loop::ExprNode*> seen_;
};

size_t size_of(const std::string& text) {
  return Size().of(passes::lower(graph::parse(text), "f", loop::Target{}, {.verify = true}));
}

// `text` of n and of twice as many: the second is about twice as long.
void expect_linear(const std::function<std::string(int)>& text, int n) {
  const size_t once = size_of(text(n)), twice = size_of(text(2 * n));
  EXPECT_LT(static_cast<double>(twice), 2.5 * static_cast<double>(once));
}

// The gradient of a convolution along one axis.
std::string taps(int n) {
  return fmt::format(
      "func @f(%x: f32[1,2,{0}], %k: f32[3,2,{1}]) {{\n"
      "  %w: f32[1,2,51,{1}] = window %x {{axis=2, size={1}, stride=1, dilation=1}}\n"
      "  %y: f32[1,3,51] = contract %w, %k {{dims=\"bilk,oik->bol\"}}\n"
      "  %s: f32[1,3,51] = mul %y, %y\n  %l: f32[] = reduce_sum %s {{axes=[0,1,2]}}\n"
      "  %d: f32[1,2,{0}] = grad %l, %x\n  return %d\n}}",
      n + 50, n);
}

// The gradient of a pool that covers the image.
std::string pool(const std::string& reduction, int n) {
  return fmt::format(
      "func @f(%x: f32[1,4,{0},{0}]) {{\n"
      "  %w: f32[1,4,1,{0},{0}] = window %x {{axis=2, size={0}, stride={0}, dilation=1}}\n"
      "  %u: f32[1,4,1,1,{0},{0}] = window %w {{axis=3, size={0}, stride={0}, dilation=1}}\n"
      "  %y: f32[1,4,1,1] = {1} %u {{axes=[4,5]}}\n  %s: f32[1,4,1,1] = mul %y, %y\n"
      "  %l: f32[] = reduce_sum %s {{axes=[0,1,2,3]}}\n  %d: f32[1,4,{0},{0}] = grad %l, %x\n  return %d\n}}",
      n, reduction);
}

TEST(Growth, IsNotOfWindows) {
  EXPECT_LT(size_of(taps(1024)), 2 * size_of(taps(32)));
  for (const char* reduction : {"reduce_sum", "reduce_max"})
    EXPECT_LT(size_of(pool(reduction, 112)), 2 * size_of(pool(reduction, 8))) << reduction;
}

// Each part another multiple of one tensor.
std::string stack(int n) {
  std::string text = "func @f(%x: f32[7,5]) {\n", parts;
  for (int i = 0; i < n; ++i) {
    text += fmt::format(
        "  %c{0}: f32[7,5] = constant {{dtype=f32, shape=[7,5], value={0}.5}}\n"
        "  %m{0}: f32[7,5] = mul %x, %c{0}\n  %r{0}: f32[1,7,5] = reshape %m{0} {{shape=[1,7,5]}}\n",
        i);
    parts += fmt::format("{}%r{}", i == 0 ? "" : ", ", i);
  }
  return text + fmt::format("  %y: f32[{},7,5] = concat {} {{axis=0}}\n  return %y\n}}", n, parts);
}

TEST(Growth, IsLinearInParts) {
  expect_linear(stack, 100);
  expect_linear(stack, 500);
}

// n steps, each of which appends a row to what `first` is and, with `keeps`, drops the first of it; and a sum
// of the rows at every step.
std::string steps(int n, bool keeps) {
  constexpr int kRows = 16;
  std::string text = fmt::format("func @f(%x: f32[{},4], %r: f32[{},4]) {{\n", n, kRows);
  std::string rows = "%r", sums;
  for (int i = 0; i < n; ++i) {
    text += fmt::format("  %s{0}: f32[1,4] = slice %x {{limit=[{1},4], start=[{0},0], stride=[1,1]}}\n", i,
                        i + 1);
    int length = kRows + i;
    if (keeps) {
      length = kRows - 1;
      text += fmt::format("  %o{0}: f32[{1},4] = slice {2} {{limit=[{3},4], start=[1,0], stride=[1,1]}}\n", i,
                          length, rows, kRows);
      rows = fmt::format("%o{}", i);
    }
    text += fmt::format("  %r{0}: f32[{1},4] = concat {2}, %s{0} {{axis=0}}\n", i, length + 1, rows);
    rows = fmt::format("%r{}", i);
    text += fmt::format("  %y{0}: f32[4] = reduce_sum {1} {{axes=[0]}}\n", i, rows);
    text += fmt::format("  %z{0}: f32[1,4] = reshape %y{0} {{shape=[1,4]}}\n", i);
    sums += fmt::format("{}%z{}", i == 0 ? "" : ", ", i);
  }
  return text + fmt::format("  %y: f32[{},4] = concat {} {{axis=0}}\n  return %y\n}}", n, sums);
}

TEST(Growth, IsLinearInStepsOfAShiftRegister) {
  expect_linear([](int n) { return steps(n, true); }, 100);
}

TEST(Growth, IsLinearInStepsOfACache) {
  expect_linear([](int n) { return steps(n, false); }, 100);
}

// Each step reads the one before at two places: an element of the last one comes from 2^n.
TEST(Growth, IsLinearInStepsOfAStencil) {
  expect_linear(
      [](int n) {
        std::string text = "func @f(%x: f32[64]) {\n", value = "%x";
        for (int i = 0; i < n; ++i) {
          text += fmt::format(
              "  %s{0}: f32[63] = slice {1} {{limit=[64], start=[1], stride=[1]}}\n"
              "  %p{0}: f32[64] = pad %s{0} {{high=[1], interior=[0], low=[0], value=0.0}}\n"
              "  %a{0}: f32[64] = add {1}, %p{0}\n",
              i, value);
          value = fmt::format("%a{}", i);
        }
        return text + fmt::format("  return {}\n}}", value);
      },
      50);
}

// Squares of squares, moved: whoever walks what an element is made of without noting where it was walks 2^n
// ways.
TEST(Growth, IsLinearInSquares) {
  expect_linear(
      [](int n) {
        std::string text = "func @f(%x: f32[8,6], %k: f32[4]) {\n", value = "%x";
        for (int i = 0; i < n; ++i) {
          text += fmt::format("  %q{0}: f32[8,6] = mul {1}, {1}\n", i, value);
          value = fmt::format("%q{}", i);
        }
        return text + fmt::format(
                          "  %t: f32[6,8] = transpose {} {{permutation=[1,0]}}\n"
                          "  %e: f32[6,8] = exp %t\n  return %e\n}}",
                          value);
      },
      60);
}

// Every slice of one tensor used apart: the gradient is a sum of as many tensors of its size.
TEST(Growth, IsLinearInSlices) {
  expect_linear(
      [](int n) {
        std::string text = fmt::format("func @f(%x: f32[{},8]) {{\n", n), value;
        for (int i = 0; i < n; ++i) {
          text += fmt::format(
              "  %s{0}: f32[1,8] = slice %x {{limit=[{1},8], start=[{0},0], stride=[1,1]}}\n"
              "  %t{0}: f32[1,8] = tanh %s{0}\n",
              i, i + 1);
          if (i == 0) {
            value = "%t0";
            continue;
          }
          text +=
              fmt::format("  %a{0}: f32[1,8] = add {1}, %t{0}\n  %h{0}: f32[1,8] = tanh %a{0}\n", i, value);
          value = fmt::format("%h{}", i);
        }
        return text + fmt::format(
                          "  %l: f32[] = reduce_sum {} {{axes=[0,1]}}\n  %d: f32[{},8] = grad %l, %x\n"
                          "  return %d\n}}",
                          value, n);
      },
      100);
}

// n times what `op` makes of a value, as text of one op or more with the number {0} and the operand {1}.
std::string chain(int n, const std::string& parameter, const std::vector<std::string>& ops) {
  std::string text = fmt::format("func @f(%x: {}) {{\n", parameter), value = "%x";
  for (int i = 0; i < n; ++i) {
    for (size_t k = 0; k < ops.size(); ++k) {
      const std::string next = fmt::format("%v{}.{}", i, k);
      text += fmt::format("  {}: {}\n", next, fmt::format(fmt::runtime(ops[k]), value));
      value = next;
    }
  }
  return text + fmt::format(
                    "  %q: {0} = mul {1}, {1}\n  %l: f32[] = reduce_sum %q {{axes=[0,1]}}\n"
                    "  %d: {0} = grad %l, %x\n  return y={1}, d=%d\n}}",
                    parameter, value);
}

// In a thread with room for calls of about ten thousand functions, were each small. A sanitizer's are larger.
void with_small_stack(std::function<void()> work) {
  constexpr size_t kBytes = (cpu::kSanitizer == cpu::Sanitizer::none ? 1 : 8) << 20;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kBytes);
  pthread_t thread;
  const auto run = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// Forward and backward, from text to loops and on the reference.
void expect_no_recursion(const std::string& text) {
  with_small_stack([&] {
    const graph::Module module = graph::parse(text);
    const std::string printed = graph::print(module);
    EXPECT_EQ(graph::print(graph::parse(printed)), printed);
    const graph::Module gradient = passes::differentiated(module);
    graph::verify(gradient);
    const graph::Function& function = *gradient.find_function("f");
    const graph::Shape& shape = function.parameters()[0]->results[0].shape;
    const std::vector<float> ones(static_cast<size_t>(graph::element_count(shape)), 1);
    EXPECT_EQ(reference::evaluate(gradient, function, {runtime::HostTensor::from<float>(ones, shape)}).size(),
              2u);
    for (const bool fuse : {true, false})
      EXPECT_GT(passes::lower(module, "f", loop::Target{}, {.fuse = fuse, .verify = true}).kernels.size(),
                1u);
  });
}

TEST(Growth, IsNoRecursionAlongViews) {
  expect_no_recursion(
      chain(2500, "f32[8,8]",
            {"f32[7,8] = slice {0} {{limit=[8,8], start=[1,0], stride=[1,1]}}",
             "f32[8,8] = pad {0} {{high=[0,0], interior=[0,0], low=[1,0], value=2.0}}",
             "f32[8,8] = reverse {0} {{axes=[0]}}", "f32[8,8] = transpose {0} {{permutation=[1,0]}}"}));
}

// Of which each divides the index that the next one gives.
TEST(Growth, IsNoRecursionAlongReshapes) {
  expect_no_recursion(
      chain(5000, "f32[8,6]",
            {"f32[6,8] = reshape {0} {{shape=[6,8]}}", "f32[8,6] = transpose {0} {{permutation=[1,0]}}"}));
}

TEST(Growth, IsNoRecursionAlongElementwiseOps) {
  expect_no_recursion(chain(5000, "f32[3,2]", {"f32[3,2] = neg {0}", "f32[3,2] = tanh {0}"}));
}

TEST(Growth, IsNoRecursionAlongReductions) {
  expect_no_recursion(chain(3000, "f32[3,2]",
                            {"f32[3] = reduce_max {0} {{axes=[1]}}",
                             "f32[3,2] = broadcast {0} {{dims=[0], shape=[3,2]}}", "f32[3,2] = sin {0}"}));
}

}  // namespace
}  // namespace sinter::test
