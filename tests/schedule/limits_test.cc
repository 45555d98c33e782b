#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <unordered_set>

#include "backends/reference/interpreter.h"
#include "ir/graph/text/text.h"
#include "ir/loop/iterations.h"
#include "passes/differentiate/differentiate.h"
#include "passes/fuse/group.h"
#include "passes/pipeline.h"
#include "runtime/tensor.h"
#include "tests/support/interpret.h"
#include "tests/support/message_of.h"

// Programs for machines that bind few buffers or end loops early, in the interpreter, which counts
// iterations, against the reference.
namespace sinter::test {
namespace {

using loop::Target;
using runtime::HostTensor;

struct Program {
  const char* name;
  std::string text;
};

// A driver that computes on a processor, in subgroups of 8 or 1, and a GPU.
std::vector<Target> machines() {
  Target target;
  target.kind = Target::Kind::gpu_on_cpu;
  target.unit_vectors = 4;
  target.local_bytes = 1024;
  target.has_fma = false;
  target.exact_division = false;
  target.shared_bytes = 32 << 10;
  target.max_workgroup_size = 1024;
  target.max_workgroups = 65535;
  std::vector<Target> all;
  for (const int64_t subgroup : {8, 1}) {
    target.subgroup_size = subgroup;
    all.push_back(target);
  }
  target.subgroup_size = 32;
  target.unit_vectors = 1;
  target.kind = Target::Kind::gpu;
  all.push_back(target);
  return all;
}

void draw(HostTensor& tensor, std::mt19937& random) {
  std::uniform_real_distribution<float> number(-1, 1);
  std::generate_n(static_cast<std::byte*>(tensor.raw()), tensor.bytes(), [] { return std::byte{0}; });
  if (tensor.dtype() == runtime::DType::f32)
    std::generate_n(tensor.data<float>(), tensor.size(), [&] { return number(random); });
  if (tensor.dtype() == runtime::DType::i32)
    std::generate_n(tensor.data<int32_t>(), tensor.size(),
                    [&] { return static_cast<int32_t>(random() % 3); });
  if (tensor.dtype() == runtime::DType::boolean)
    std::generate_n(tensor.data<bool>(), tensor.size(), [&] { return random() % 2 == 0; });
}

bool reads_call(const loop::Expr& x, std::unordered_set<const loop::ExprNode*>& seen) {
  if (x == nullptr || !seen.insert(x.get()).second) return false;
  return x->kind == loop::ExprNode::Kind::context ||
         std::ranges::any_of(x->args, [&](const loop::Expr& arg) { return reads_call(arg, seen); });
}

// Besides tensors: what tells of the call, and of faults.
int64_t own_buffers(const loop::Kernel& kernel) {
  bool call = false, faults = false;
  std::unordered_set<const loop::ExprNode*> seen;
  const auto visit = [&](const auto& self, const loop::Stmt& stmt) -> void {
    faults = faults || stmt->kind == loop::StmtNode::Kind::fault;
    for (const loop::Expr& x : {stmt->index, stmt->value, stmt->condition})
      call = call || reads_call(x, seen);
    for (const loop::Stmt& child : stmt->body) self(self, child);
  };
  for (const loop::Stmt& part : kernel.parts) visit(visit, part);
  return (call || faults ? 1 : 0) + (faults ? 1 : 0);
}

void expect_close(const HostTensor& got, const HostTensor& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  double worst = 0, largest = 1;
  for (int64_t i = 0; i < got.size(); ++i) {
    const auto at = [&](const HostTensor& x) -> double {
      const auto j = static_cast<size_t>(i);
      return x.dtype() == runtime::DType::f32   ? x.values<float>()[j]
             : x.dtype() == runtime::DType::i32 ? x.values<int32_t>()[j]
                                                : x.values<bool>()[j];
    };
    const double a = at(got), b = at(want);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    largest = std::max(largest, std::abs(b));
    worst = std::max(worst, std::isfinite(a) ? std::abs(a - b) : INFINITY);
  }
  EXPECT_LE(worst, got.dtype() == runtime::DType::f32 ? tolerance * largest : 0);
}

void check(const Program& program, const Target& target, bool fuse) try {
  SCOPED_TRACE(testing::Message() << program.name << ", " << target.max_iterations << " iterations, "
                                  << target.max_buffers << " buffers, subgroups of " << target.subgroup_size
                                  << (fuse ? "" : ", not fused"));
  const graph::Module module = graph::parse(program.text, "test.sg");
  graph::Module expanded = graph::clone(module);
  passes::differentiate(expanded, {});
  const graph::Function& function = *expanded.find_function("f");
  std::mt19937 random(3);
  std::vector<HostTensor> inputs;
  for (graph::Op* parameter : function.parameters()) {
    const graph::TensorType& type = parameter->results[0];
    draw(inputs.emplace_back(static_cast<runtime::DType>(type.dtype), type.shape), random);
  }
  const loop::Program loops = passes::lower(module, "f", target, {.fuse = fuse, .verify = true});
  for (const loop::Kernel& kernel : loops.kernels) {
    EXPECT_LE(loop::most_iterations(kernel), target.max_iterations) << kernel.name;
    EXPECT_LE(static_cast<int64_t>(kernel.arguments.size()) + own_buffers(kernel), target.max_buffers)
        << kernel.name;
  }
  const auto outputs = interpret(loops, inputs, {.max_iterations = target.max_iterations});
  const auto expected = reference::evaluate(expanded, function, inputs);
  for (size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "output " << i);
    expect_close(outputs[i], expected[i], 2e-5);
  }
} catch (const std::exception& error) {
  ADD_FAILURE() << program.name << ": " << error.what();
}

// Each adds up, or looks through, more than the 200 iterations that it is given.
const std::vector<Program>& long_loops() {
  static const std::vector<Program> all = {
      {"columns", R"(func @f(%x: f32[1000,3]) {
  %0: f32[1000,3] = exp %x
  %1: f32[3] = reduce_sum %0 {axes=[0]}
  %2: f32[3] = reduce_max %x {axes=[0]}
  return %1, %2
})"},
      {"a prime number of rows", R"(func @f(%x: f32[1009,3]) {
  %1: f32[3] = reduce_sum %x {axes=[0]}
  %2: f32[3] = reduce_min %x {axes=[0]}
  %3: f32[3] = reduce_max %x {axes=[0]}
  return %1, %2, %3
})"},
      {"first and last axis", R"(func @f(%x: f32[37,5,41]) {
  %0: f32[5] = reduce_sum %x {axes=[0,2]}
  %1: f32[37,41] = reduce_max %x {axes=[1]}
  %2: f32[41] = reduce_sum %1 {axes=[0]}
  %3: f32[] = reduce_sum %x {axes=[0,1,2]}
  %4: f32[5] = reduce_max %x {axes=[0,2]}
  return %0, %2, %3, %4
})"},
      {"three levels", R"(func @f(%x: f32[30011]) {
  %0: f32[30011,1] = reshape %x {shape=[30011,1]}
  %1: f32[1] = reduce_sum %0 {axes=[0]}
  %2: f32[1] = reduce_max %0 {axes=[0]}
  return %1, %2
})"},
      {"many long rows", R"(func @f(%x: f32[40,1201]) {
  %0: f32[40,1201] = softmax %x {axis=1}
  %1: f32[40] = reduce_sum %x {axes=[1]}
  return %0, %1
})"},
      {"few long rows", R"(func @f(%x: f32[2,9001], %s: f32[9001], %b: f32[9001]) {
  %0: f32[2,9001] = layer_norm %x, %s, %b {epsilon=1e-05}
  %1: f32[2,9001] = log_softmax %x {axis=1}
  return %0, %1
})"},
      {"softmax of columns", R"(func @f(%x: f32[150,3]) {
  %0: f32[150,3] = softmax %x {axis=0}
  return %0
})"},
      {"one pass after the other", R"(func @f(%x: f32[33,150]) {
  %0: f32[33,150] = softmax %x {axis=1}
  %1: f32[33,150] = softmax %0 {axis=1}
  %2: f32[33,150] = softmax %1 {axis=1}
  %3: f32[33,150] = softmax %2 {axis=1}
  return %3
})"},
      {"position of the greatest", R"(func @f(%x: f32[2,1009], %c: f32[1009,2]) {
  %0: i32[2] = argmax %x {axes=[1]}
  %1: i32[2] = argmax %c {axes=[0]}
  %2: i32[] = argmax %c {axes=[0,1]}
  return %0, %1, %2
})"},
      {"a contraction", R"(func @f(%x: f32[5,1000], %w: f32[1000,7], %b: f32[7]) {
  %0: f32[5,7] = contract %x, %w {dims="ik,kj->ij"}
  %1: f32[5,7] = broadcast %b {shape=[5,7], dims=[1]}
  %2: f32[5,7] = add %0, %1
  %3: f32[5,7] = tanh %2
  return %3
})"},
      {"a prime sum in batches", R"(func @f(%x: f32[2,1009,3], %y: f32[2,1009,4]) {
  %0: f32[2,3,4] = contract %x, %y {dims="bki,bkj->bij"}
  return %0
})"},
      {"a sum over three axes", R"(func @f(%x: f32[3,37,11,2], %y: f32[3,37,11,3]) {
  %0: f32[3,37,11,2] = exp %x
  %1: f32[2,3] = contract %0, %y {dims="bxyi,bxyj->ij"}
  return %1
})"},
      {"contraction of integers", R"(func @f(%x: i32[3,700], %y: i32[700,3]) {
  %0: i32[3,3] = contract %x, %y {dims="ik,kj->ij"}
  return %0
})"},
      {"gradients of a layer", R"(func @f(%x: f32[600,4], %w: f32[4,3], %b: f32[3]) {
  %0: f32[600,3] = contract %x, %w {dims="ik,kj->ij"}
  %1: f32[600,3] = broadcast %b {shape=[600,3], dims=[1]}
  %2: f32[600,3] = add %0, %1
  %3: f32[600,3] = tanh %2
  %4: f32[] = reduce_sum %3 {axes=[0,1]}
  %5: f32[4,3], %6: f32[3], %7: f32[600,4] = grad %4, %w, %b, %x
  return %4, %5, %6, %7
})"},
      {"gradients of a convolution", R"(func @f(%x: f32[2,2,14,14], %w: f32[3,2,3,3], %b: f32[3]) {
  %0: f32[2,3,14,14] = convolution %x, %w, %b {dilation=[1,1], groups=1, padding=[1,1], stride=[1,1]}
  %1: f32[2,3,14,14] = mul %0, %0
  %2: f32[] = reduce_sum %1 {axes=[0,1,2,3]}
  %3: f32[2,2,14,14], %4: f32[3,2,3,3], %5: f32[3] = grad %2, %x, %w, %b
  return %0, %3, %4, %5
})"},
      {"an embedding and its gradient", R"(func @f(%t: f32[5,3], %i: i32[20,30]) {
  %0: f32[20,30,3] = gather %t, %i {axis=0}
  %1: f32[20,30,3] = tanh %0
  %2: f32[] = reduce_sum %1 {axes=[0,1,2]}
  %3: f32[5,3] = grad %2, %t
  return %2, %3
})"},
      {"sorted into a large table", R"(func @f(%t: f32[90,64], %i: i32[300], %u: f32[300,64]) {
  %0: f32[90,64] = scatter_add %t, %i, %u {axis=0}
  %1: f32[90,64] = mul %0, %t
  return %0, %1
})"},
      {"running sums", R"(func @f(%x: f32[1009], %y: f32[2,300,3], %z: i32[500,2]) {
  %0: f32[1009] = cumsum %x {axis=0}
  %1: f32[1009] = cumsum %x {axis=0, reverse=true}
  %2: f32[2,300,3] = cumsum %y {axis=1}
  %3: f32[2,300,3] = cumsum %y {axis=1, reverse=true}
  %4: i32[500,2] = cumsum %z {axis=0}
  return %0, %1, %2, %3, %4
})"},
      {"the greatest few", R"(func @f(%x: f32[3,500], %i: i32[2,500]) {
  %0: f32[3,4], %1: i32[3,4] = top_k %x {k=4}
  %2: i32[2,5], %3: i32[2,5] = top_k %i {k=5}
  return %0, %1, %2, %3
})"},
      {"the greatest many, of equals and of none", R"(func @f(%x: f32[2,70], %i: i32[3,61], %n: i32[2,40]) {
  %0: f32[2,60], %1: i32[2,60] = top_k %x {k=60}
  %2: i32[3,61], %3: i32[3,61] = top_k %i {k=61}
  %4: f32[2,40] = cast %n {dtype=f32}
  %5: f32[2,40] = constant {dtype=f32, shape=[2,40], value=1.0}
  %6: f32[2,40] = sub %4, %5
  %7: f32[2,40] = constant {dtype=f32, shape=[2,40], value=0.0}
  %8: f32[2,40] = div %6, %7
  %9: f32[2,30], %10: i32[2,30] = top_k %8 {k=30}
  %11: f32[2,2], %12: i32[2,2] = top_k %8 {k=2}
  return %0, %1, %2, %3, %10, %12
})"},
      {"a long order", R"(func @f(%x: f32[2,300], %i: i32[3,61]) {
  %0: f32[2,300], %1: i32[2,300] = sort %x
  %2: i32[3,61], %3: i32[3,61] = sort %i {descending=true}
  return %0, %1, %2, %3
})"},
      {"attention", R"(func @f(%q: f32[1,2,3,4], %k: f32[1,2,210,4], %v: f32[1,2,210,5], %d: f32[1,2,3,5]) {
  %0: f32[1,2,3,5] = attention %q, %k, %v {bias=false, causal=true, lengths=false, mask=false, scale=0.5}
  %1: f32[1,2,3,5] = mul %0, %d
  %2: f32[] = reduce_sum %1 {axes=[0,1,2,3]}
  %3: f32[1,2,3,4], %4: f32[1,2,210,4], %5: f32[1,2,210,5] = grad %2, %q, %k, %v
  return %0, %3, %4, %5
})"},
  };
  return all;
}

std::string numbered(int count, const char* text) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    for (const char* c = text; *c != 0; ++c) all += *c == '#' ? std::to_string(i) : std::string(1, *c);
  }
  return all;
}

std::string comma(std::string text) {
  text.resize(text.size() - 2);
  return text;
}

// Each reads or makes more tensors than the four that a kernel may bind.
const std::vector<Program>& many_tensors() {
  const std::string nine = comma(numbered(9, "%x#, "));
  static const std::vector<Program> all = {
      {"a concatenation", "func @f(" + comma(numbered(9, "%x#: f32[2,3], ")) +
                              ") {\n  %0: f32[18,3] = concat " + nine + " {axis=0}\n  return %0\n}"},
      {"a concatenation into a contraction and a row", "func @f(" + comma(numbered(9, "%x#: f32[2,3], ")) +
                                                           ", %w: f32[3,4]) {\n  %0: f32[18,3] = concat " +
                                                           nine + R"( {axis=0}
  %1: f32[3,18] = transpose %0 {permutation=[1,0]}
  %2: f32[18,4] = contract %0, %w {dims="ik,kj->ij"}
  %3: f32[3] = reduce_sum %1 {axes=[1]}
  %4: f32[18,3] = slice %0 {limit=[18,3], start=[0,0], stride=[1,1]}
  %5: f32[18,3] = softmax %4 {axis=1}
  return %2, %3, %5
})"},
      {"concatenations of concatenations", "func @f(" + comma(numbered(9, "%x#: f32[2,3], ")) +
                                               ") {\n  %a: f32[18,3] = concat " + nine + R"( {axis=0}
  %b: f32[2,3] = exp %x0
  %c: f32[20,3] = concat %a, %b {axis=0}
  %d: f32[20,6] = concat %c, %c {axis=1}
  %e: f32[20,3] = slice %d {limit=[20,5], start=[0,2], stride=[1,1]}
  %g: f32[20,3] = mul %c, %e
  return %g, %d
})"},
      {"a sum of many", "func @f(" + comma(numbered(9, "%x#: f32[4,3], ")) + R"() {
  %0: f32[4,3] = add %x0, %x1
  %1: f32[4,3] = mul %x2, %x3
  %2: f32[4,3] = add %0, %1
  %3: f32[4,3] = exp %x4
  %4: f32[4,3] = mul %3, %x5
  %5: f32[4,3] = add %4, %x6
  %6: f32[4,3] = add %5, %2
  %7: f32[4,3] = mul %6, %x7
  %8: f32[4,3] = add %7, %x8
  return %8
})"},
      {"many results of one",
       "func @f(%x: f32[40,3]) {\n" +
           numbered(7,
                    "  %c#: f32[40,3] = constant {dtype=f32, shape=[40,3], value=0.#}\n"
                    "  %y#: f32[40,3] = mul %x, %c#\n") +
           "  return " + comma(numbered(7, "%y#, ")) + "\n}"},
      {"a norm of many",
       "func @f(" + comma(numbered(7, "%x#: f32[1#,3], ")) + R"() {
  %z: f32[] = constant {dtype=f32, shape=[], value=0.0}
)" + numbered(7, "  %q#: f32[1#,3] = mul %x#, %x#\n  %r#: f32[] = reduce_sum %q# {axes=[0,1]}\n") +
           R"(  %t0: f32[] = add %z, %r0
  %t1: f32[] = add %t0, %r1
  %t2: f32[] = add %t1, %r2
  %t3: f32[] = add %t2, %r3
  %t4: f32[] = add %t3, %r4
  %t5: f32[] = add %t4, %r5
  %t6: f32[] = add %t5, %r6
  %n: f32[] = sqrt %t6
)" +
           numbered(
               7,
               "  %b#: f32[1#,3] = broadcast %n {dims=[], shape=[1#,3]}\n  %o#: f32[1#,3] = div %x#, %b#\n") +
           "  return " + comma(numbered(7, "%o#, ")) + "\n}"},
      {"a selection of views",
       R"(func @f(%c: f32[3,4], %a: f32[1,4], %b: f32[2,4], %d: f32[3,2], %e: f32[3,2]) {
  %0: f32[3,4] = concat %a, %b {axis=0}
  %1: f32[3,4] = concat %d, %e {axis=1}
  %2: bool[3,4] = less %0, %1
  %3: f32[3,4] = select %2, %c, %0
  return %3
})"},
      {"slices and updates at run time",
       R"(func @f(%x: f32[4,5,6,3], %u: f32[2,2,2,2], %i: i32[4], %v: f32[2]) {
  %a: i32[1] = slice %i {limit=[1], start=[0], stride=[1]}
  %b: i32[1] = slice %i {limit=[2], start=[1], stride=[1]}
  %0: i32[] = reduce_sum %a {axes=[0]}
  %1: i32[] = reduce_sum %b {axes=[0]}
  %2: i32[] = add %0, %1
  %3: i32[] = mul %0, %2
  %4: f32[2,3,2,2] = dynamic_slice %x, %0, %1, %2, %3 {sizes=[2,3,2,2]}
  %5: f32[4,5,6,3] = dynamic_update %x, %u, %0, %1, %2, %3
  %6: f32[4,5,6,3] = exp %5
  return %4, %5, %6
})"},
      {"an embedding and its gradient", R"(func @f(%t: f32[7,3], %i: i32[4,5], %d: f32[4,5,3]) {
  %0: f32[4,5,3] = gather %t, %i {axis=0}
  %1: f32[4,5,3] = tanh %0
  %2: f32[4,5,3] = mul %1, %d
  %3: f32[] = reduce_sum %2 {axes=[0,1,2]}
  %4: f32[7,3] = grad %3, %t
  %5: f32[7,3] = mul %4, %t
  return %3, %5
})"},
      {"layers and their gradients",
       R"(func @f(%x: f32[6,8], %s: f32[8], %b: f32[8], %w: f32[8,5], %v: f32[5]) {
  %0: f32[6,8] = layer_norm %x, %s, %b {epsilon=1e-05}
  %1: f32[6,5] = contract %0, %w {dims="ik,kj->ij"}
  %2: f32[6,5] = broadcast %v {shape=[6,5], dims=[1]}
  %3: f32[6,5] = add %1, %2
  %4: f32[6,5] = gelu %3 {tanh=false}
  %5: f32[6,5] = dropout %4 {key=3, rate=0.25}
  %6: f32[6,5] = mul %5, %5
  %7: f32[] = reduce_sum %6 {axes=[0,1]}
  %8: f32[6,8], %9: f32[8], %10: f32[8], %11: f32[8,5], %12: f32[5] = grad %7, %x, %s, %b, %w, %v
  return %7, %8, %9, %10, %11, %12
})"},
      {"attention and its gradient",
       R"(func @f(%q: f32[2,2,5,4], %k: f32[2,2,7,4], %v: f32[2,2,7,3], %b: f32[2,5,7]) {
  %0: f32[2,2,5,7] = contract %q, %k {dims="bhqw,bhkw->bhqk"}
  %1: f32[2,2,5,7] = broadcast %b {shape=[2,2,5,7], dims=[1,2,3]}
  %2: f32[2,2,5,7] = add %0, %1
  %3: f32[2,2,5,7] = softmax %2 {axis=3}
  %4: f32[2,2,5,3] = contract %3, %v {dims="bhqk,bhku->bhqu"}
  %5: f32[] = reduce_sum %4 {axes=[0,1,2,3]}
  %6: f32[2,2,5,4], %7: f32[2,2,7,4], %8: f32[2,2,7,3], %9: f32[2,5,7] = grad %5, %q, %k, %v, %b
  return %4, %6, %7, %8, %9
})"},
      {"the greatest few of a concatenation",
       R"(func @f(%a: f32[3,4], %b: f32[3,4], %c: f32[3,2], %d: f32[3,1]) {
  %0: f32[3,11] = concat %a, %b, %c, %d {axis=1}
  %1: f32[3,4], %2: i32[3,4] = top_k %0 {k=4}
  %3: f32[3,11] = cumsum %0 {axis=1}
  return %1, %2, %3
})"},
  };
  return all;
}

TEST(Limits, KernelsBindFewBuffers) {
  for (Target target : machines()) {
    target.max_buffers = 4;
    for (const auto* programs : {&many_tensors(), &long_loops()}) {
      for (const Program& program : *programs) {
        for (const bool fuse : {true, false}) check(program, target, fuse);
      }
    }
  }
}

TEST(Limits, KernelsBindAFewMore) {
  Target target = machines()[0];
  for (target.max_buffers = 5; target.max_buffers <= 12; ++target.max_buffers) {
    target.max_iterations = 100 * target.max_buffers;
    for (const Program& program : many_tensors()) check(program, target, true);
  }
}

TEST(Limits, LoopsEndInTime) {
  for (Target target : machines()) {
    target.max_iterations = 200;
    for (const Program& program : long_loops()) {
      for (const bool fuse : {true, false}) check(program, target, fuse);
    }
  }
}

TEST(Limits, AreNumbersAboveZero) {
  graph::Module module;
  EXPECT_EQ(message_of([&] { passes::group(module, {"buffers=0"}, {}); }),
            "group: buffers= takes a number above 0, got 'buffers=0'");
  EXPECT_EQ(message_of([&] { passes::group(module, {"iterations=many"}, {}); }),
            "group: iterations= takes a number above 0, got 'iterations=many'");
}

}  // namespace
}  // namespace sinter::test
