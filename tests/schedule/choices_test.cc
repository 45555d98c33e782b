#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "backends/reference/interpreter.h"
#include "ir/graph/anchor.h"
#include "ir/graph/text/text.h"
#include "passes/differentiate/differentiate.h"
#include "passes/pipeline.h"
#include "passes/schedule/schedule.h"
#include "runtime/tensor.h"
#include "tests/support/interpret.h"
#include "tests/support/message_of.h"

// What schedules decide, as text in kernels: every choice that there is gives the same values, one written by
// hand is what loops are made by, and one that does not suit says why.
namespace sinter::test {
namespace {

using graph::Op;
using graph::OpCode;
using loop::Target;
using passes::Choice;
using runtime::HostTensor;
using testing::HasSubstr;

Target gpu() {
  Target target;
  target.kind = Target::Kind::gpu;
  target.unit_vectors = 1;
  target.local_bytes = 1024;
  target.subgroup_size = 32;
  target.shared_bytes = 16 << 10;
  target.max_workgroup_size = 64;
  target.max_workgroups = 65535;
  return target;
}

Target gpu_on_cpu() {
  Target target = gpu();
  target.kind = Target::Kind::gpu_on_cpu;
  target.unit_vectors = 4;
  target.subgroup_size = 8;
  return target;
}

// Small whole numbers, of which sums are exact in any order; indices below five.
std::vector<HostTensor> numbers_for(const graph::Function& function) {
  std::mt19937 random(5);
  std::vector<HostTensor> inputs;
  for (const Op* parameter : function.parameters()) {
    const graph::TensorType& type = parameter->results[0];
    HostTensor& input = inputs.emplace_back(static_cast<runtime::DType>(type.dtype), type.shape);
    for (int64_t i = 0; i < input.size(); ++i) {
      const auto number = static_cast<int32_t>(random() % 5);
      if (type.dtype == graph::DType::i32) {
        input.data<int32_t>()[i] = number;
      } else {
        input.data<float>()[i] = static_cast<float>(number - 2);
      }
    }
  }
  return inputs;
}

void expect_same(const std::vector<HostTensor>& want, const std::vector<HostTensor>& got) {
  ASSERT_EQ(want.size(), got.size());
  for (size_t i = 0; i < want.size(); ++i) {
    const auto expected = want[i].values<float>(), values = got[i].values<float>();
    for (size_t j = 0; j < expected.size(); ++j)
      ASSERT_NEAR(values[j], expected[j], 1e-5) << i << " at " << j;
  }
}

// The kernels of a module, those side by side by themselves.
std::vector<Op*> kernels_in(const graph::Module& module) {
  std::vector<Op*> kernels;
  const auto add = [&](const graph::Function& function) {
    for (const auto& op : function.ops()) {
      if (op->code != OpCode::kernel) continue;
      if (!is_kernel(*op, graph::Anchor::together)) {
        kernels.push_back(op.get());
        continue;
      }
      for (const auto& part : op->body->ops()) {
        if (part->code == OpCode::kernel) kernels.push_back(part.get());
      }
    }
  };
  for (const auto& function : module.functions) add(*function);
  return kernels;
}

// Runs f with each choice of each of its kernels, on machines of every kind; gives how many there were.
size_t run_all(const std::string& text) {
  const graph::Module module = graph::parse(text, "test.sg");
  const graph::Function& function = *module.find_function("f");
  const auto inputs = numbers_for(function);
  const auto expected = reference::evaluate(module, function, inputs);
  size_t count = 0;
  for (const Target& target : {Target(), gpu(), gpu_on_cpu()}) {
    const graph::Module chosen = passes::to_kernels(module, "f", target, {.verify = true});
    for (size_t i = 0; i < kernels_in(chosen).size(); ++i) {
      graph::Module copy = graph::clone(chosen);
      Op& kernel = *kernels_in(copy)[i];
      const auto choices = passes::choices(kernel, target);
      EXPECT_EQ(kernel.attributes.text("choice"), print(choices[0]));
      for (const Choice& choice : choices) {
        SCOPED_TRACE(print(choice));
        EXPECT_EQ(passes::parse_choice(print(choice)), choice);
        kernel.attributes.set("choice", print(choice));
        expect_same(expected, interpret(passes::to_loops(graph::clone(copy), "f", target), inputs));
        ++count;
      }
    }
  }
  return count;
}

TEST(Choices, AllGiveTheSameValues) {
  EXPECT_GE(run_all(R"(func @f(%x: f32[70,33], %w: f32[33,50]) {
  %0: f32[70,50] = contract %x, %w {dims="mk,kn->mn"}
  %1: f32[50] = reduce_sum %0 {axes=[0]}
  %2: f32[70] = reduce_max %0 {axes=[1]}
  return %0, %1, %2
})"),
            10u);
  run_all(R"(func @f(%x: f32[9,300], %at: i32[7], %u: f32[7,300], %r: f32[300]) {
  %0: f32[9] = reduce_sum %x {axes=[1]}
  %1: f32[9,300] = scatter_add %x, %at, %u {axis=0}
  %2: f32[9,300] = cumsum %x {axis=1}
  %3: f32[9,300] = broadcast %r {dims=[1], shape=[9,300]}
  %4: f32[9,300] = mul %x, %3
  %5: f32[300,9] = transpose %4 {permutation=[1,0]}
  return %0, %1, %2, %5
})");
  run_all(R"(func @f(%q: f32[2,1,20,3], %k: f32[2,1,40,3], %v: f32[2,1,40,2]) {
  %0: f32[2,1,20,2] = attention %q, %k, %v {scale=0.5, causal=true}
  return %0
})");
}

// Runs f on a machine, with each of these choices in all kernels that its anchor has.
void run_with(const std::string& text, const Target& target, const std::vector<std::string>& choices) {
  const graph::Module module = graph::parse(text, "test.sg");
  graph::Module plain = graph::clone(module);
  passes::differentiate(plain, {});
  const graph::Function& function = *plain.find_function("f");
  const auto inputs = numbers_for(function);
  const auto expected = reference::evaluate(plain, function, inputs);
  const graph::Module chosen = passes::to_kernels(module, "f", target, {.verify = true});
  for (const std::string& choice : choices) {
    SCOPED_TRACE(choice);
    const std::string anchor = choice.substr(0, choice.find_first_of(". "));
    graph::Module copy = graph::clone(chosen);
    size_t count = 0;
    for (Op* kernel : kernels_in(copy)) {
      if (kernel->attributes.text("anchor") != anchor) continue;
      kernel->attributes.set("choice", choice);
      ++count;
    }
    EXPECT_GT(count, 0u);
    expect_same(expected, interpret(passes::to_loops(std::move(copy), "f", target), inputs));
  }
}

// What one stages in a chunk another one does in several: both are staged all the same.
TEST(Choices, OfWideElementsFitTheMemoryOfALane) {
  const graph::Module module = graph::parse(R"(func @f(%x: f64[64,64], %w: f64[64,64]) {
  %0: f64[64,64] = contract %x, %w {dims="mk,kn->mn"}
  return %0
})",
                                            "test.sg");
  for (const Target& target : {Target(), gpu(), gpu_on_cpu()})
    EXPECT_NO_THROW(passes::lower(module, "f", target, {}));
}

TEST(Choices, OfProductsSideBySideAreWhatSuitsEach) {
  Target target = gpu();
  target.max_workgroup_size = 1024;
  target.shared_bytes = 48 << 10;
  const graph::Module module = graph::parse(R"(func @f(%x: f32[320,32], %w: f32[32,64], %z: f32[320,128]) {
  %0: f32[320,64] = contract %x, %w {dims="mk,kn->mn"}
  %1: f32[32,128] = contract %x, %z {dims="km,kn->mn"}
  return %0, %1
})",
                                            "test.sg");
  const graph::Module chosen = passes::to_kernels(module, "f", target, {.verify = true});
  std::vector<std::string> products;
  for (const Op* kernel : kernels_in(chosen)) {
    const std::string& choice = kernel->attributes.text("choice");
    if (choice.starts_with("contract")) products.push_back(choice);
  }
  ASSERT_EQ(products.size(), 2u);
  EXPECT_EQ(products[0], "contract.workgroups tile=16,32 lanes=128 rows=4 slices=4 chunk=32 stages=2");
  EXPECT_EQ(products[1], "contract.workgroups tile=16,32 lanes=256 rows=4 slices=8 chunk=64 stages=2");
}

// What no rule would choose, and what is let through all the same.
TEST(Choices, AnyThatIsLetThroughIsRight) {
  const std::string map = R"(func @f(%x: f32[9,30], %r: f32[30]) {
  %0: f32[9,30] = broadcast %r {dims=[1], shape=[9,30]}
  %1: f32[9,30] = mul %x, %0
  return %1
})";
  run_with(map, Target(),
           {"map.flat lanes=1 vectors=7", "map.flat lanes=64 vectors=1", "map.rows lanes=4 rows=2",
            "map.rows lanes=32 rows=100"});
  run_with(map, gpu(), {"map.flat lanes=4 vectors=3", "map.rows lanes=2 rows=2"});

  const std::string softmax = R"(func @f(%x: f32[9,30]) {
  %0: f32[9,30] = softmax %x {axis=1}
  return %0
})";
  run_with(softmax, Target(),
           {"reduce.rows lanes=1 rows=1", "reduce.rows lanes=4 rows=2", "reduce.rows lanes=64 rows=4"});
  run_with(softmax, gpu(),
           {"reduce.rows lanes=2 rows=3", "reduce.workgroups lanes=8 vector=1 subgroup=1",
            "reduce.workgroups lanes=64 vector=1 subgroup=1"});
  const std::string columns = R"(func @f(%x: f32[9,30]) {
  %0: f32[30] = reduce_sum %x {axes=[0]}
  return %0
})";
  run_with(columns, Target(),
           {"reduce.columns lanes=1", "reduce.columns lanes=8", "reduce.columns lanes=64"});
  run_with(columns, gpu(),
           {"reduce.column_workgroups lanes=8 across=8 vector=1",
            "reduce.column_workgroups lanes=32 across=2 vector=1"});

  const std::string product = R"(func @f(%x: f32[23,70], %w: f32[70,41], %b: f32[41]) {
  %0: f32[23,41] = contract %x, %w {dims="mk,kn->mn"}
  %1: f32[23,41] = broadcast %b {dims=[1], shape=[23,41]}
  %2: f32[23,41] = add %0, %1
  return %2
})";
  run_with(
      product, Target(),
      {"contract.tiles rows=1 width=1 runs=23,41 unroll=16",
       "contract.tiles rows=4 width=32 runs=2,2 unroll=8 finish=3",
       "contract.tiles rows=6 width=16 k=32 group=2 runs=1,1 unroll=1 pack_lhs pack_rhs fetch_lhs fetch_rhs",
       "contract.tiles rows=2 width=64 k=48 runs=3,1 unroll=2 pack_lhs fetch_above=1",
       "contract.tiles rows=12 width=2 runs=1,5 unroll=4 pack_rhs"});
  run_with(product, gpu(),
           {"contract.workgroups tile=16,32 lanes=32 rows=4 chunk=8 stages=1",
            "contract.workgroups tile=32,64 lanes=32 rows=8 chunk=4 stages=2",
            "contract.workgroups tile=16,128 lanes=64 rows=4 slices=1 chunk=16 stages=1",
            "contract.workgroups tile=16,32 lanes=64 rows=4 slices=2 chunk=32 stages=1",
            "contract.workgroups tile=32,64 lanes=64 rows=8 slices=2 chunk=16 stages=1",
            "contract.tiles rows=3 width=5 runs=8,9 unroll=4",
            "contract.tiles rows=2 width=2 k=32 runs=12,21 unroll=1 short"});
  run_with(
      R"(func @f(%x: f32[23,70], %w: f32[41,70]) {
  %0: f32[23,41] = contract %x, %w {dims="mk,nk->mn"}
  return %0
})",
      Target(),
      {"contract.dots rows=1 width=1 runs=4,4 unroll=1", "contract.dots rows=2 width=8 runs=1,3 unroll=4",
       "contract.tiles rows=5 width=16 runs=1,1 unroll=4"});

  const std::string scatter = R"(func @f(%x: f32[9,30], %at: i32[7], %u: f32[7,30]) {
  %0: f32[9,30] = scatter_add %x, %at, %u {axis=0}
  return %0
})";
  run_with(
      scatter, Target(),
      {"scatter.runs lanes=4 rows=4", "scatter.runs lanes=64 rows=9", "scatter.rows lanes=3 columns=15"});
  run_with(scatter, gpu(), {"scatter.rows lanes=5 columns=30", "scatter.runs lanes=1 rows=1"});
  const std::string cumsum = R"(func @f(%x: f32[9,30]) {
  %0: f32[9,30] = cumsum %x {axis=0}
  return %0
})";
  run_with(cumsum, Target(), {"cumsum lanes=4 columns=15", "cumsum lanes=32 columns=1"});
  run_with(cumsum, gpu(), {"cumsum lanes=4 columns=30"});

  const std::string attention = R"(func @f(%q: f32[2,1,20,3], %k: f32[2,1,40,3], %v: f32[2,1,40,2]) {
  %0: f32[2,1,20,2] = attention %q, %k, %v {scale=0.5, causal=true}
  %1: f32[] = reduce_sum %0 {axes=[0,1,2,3]}
  %2: f32[2,1,20,3], %3: f32[2,1,40,3], %4: f32[2,1,40,2] = grad %1, %q, %k, %v
  return %0, %2, %3, %4
})";
  run_with(attention, Target(),
           {"attention.threads queries=8 keys=15 rows=3", "attention.threads queries=24 keys=7 rows=7 skip",
            "attention.threads queries=16 keys=40 rows=8 skip"});
  run_with(attention, gpu(),
           {"attention.rows", "attention.workgroups lanes=8 team=4 rows=3 columns=2",
            "attention.workgroups lanes=32 team=8 rows=4 columns=3 stage_rows", "attention_backward.rows",
            "attention_backward.workgroups lanes=16 team=16 rows=5 columns=1 stage_rows",
            "attention_backward.workgroups lanes=16 team=8 rows=3 columns=2 stage_all",
            "attention_backward.workgroups lanes=32 team=8 rows=1 columns=1 stage_rows stage_all",
            "attention_backward.workgroups lanes=32 team=8 rows=2 columns=4"});
  run_with(R"(func @f(%q: f32[1,1,20,3], %k: f32[1,1,40,3], %v: f32[1,1,40,2]) {
  %0: f32[1,1,20,2] = attention %q, %k, %v {scale=0.5, causal=true}
  %1: f32[] = reduce_sum %0 {axes=[0,1,2,3]}
  %2: f32[1,1,40,3], %3: f32[1,1,40,2] = grad %1, %k, %v
  return %2, %3
})",
           Target(),
           {"attention_backward.threads queries=8 keys=8 rows=4 blocks=2",
            "attention_backward.threads queries=24 keys=9 rows=3 skip blocks=5"});
}

// A contraction with its choice, and the loops of it.
std::string product_with(const std::string& choice) {
  return R"(func @f(%x: f32[70,40], %w: f32[40,50]) {
  %0: f32[70,50] = kernel %x, %w {anchor="contract", choice=")" +
         choice + R"("} @"model.cpp":7 (%p0: f32[70,40], %p1: f32[40,50]) {
    %0: f32[70,50] = contract %p0, %p1 {dims="mk,kn->mn"}
    return %0
  }
  return %0
})";
}

loop::Program loops_of(const std::string& text, const Target& target = {}) {
  return passes::to_loops(graph::parse(text, "test.sg"), "f", target);
}

TEST(Choices, OneWrittenByHandIsWhatLoopsAreMadeBy) {
  const std::string other = "contract.tiles rows=3 width=32 k=16 group=2 runs=4,1 unroll=2 pack_lhs pack_rhs";
  const loop::Program loops = loops_of(product_with(other));
  const std::string text = print(loops);
  EXPECT_THAT(text, HasSubstr("acc: f32[96]"));        // a tile of 3 x 32
  EXPECT_THAT(text, HasSubstr("panel_lhs: f32[96]"));  // 2 tiles of 3 rows, 16 steps
  const graph::Module module = graph::parse(product_with(other), "test.sg");
  const auto inputs = numbers_for(*module.functions[0]);
  expect_same(interpret(loops_of(product_with("contract.tiles rows=5 width=16 runs=1,1 unroll=4")), inputs),
              interpret(loops, inputs));
}

// Kernels that differ in their choices alone are two.
TEST(Choices, AreWhatTellsKernelsApart) {
  std::string text = product_with("contract.tiles rows=5 width=16 runs=1,1 unroll=4");
  text.insert(
      text.rfind("  return %0"),
      R"(  %1: f32[70,50] = kernel %x, %w {anchor="contract", choice="contract.tiles rows=2 width=8 runs=1,1 unroll=1"} (%p0: f32[70,40], %p1: f32[40,50]) {
    %0: f32[70,50] = contract %p0, %p1 {dims="mk,kn->mn"}
    return %0
  }
)");
  text.replace(text.rfind("return %0"), 9, "return %0, %1");
  const loop::Program loops = loops_of(text);
  ASSERT_EQ(loops.kernels.size(), 2u);
  EXPECT_NE(loop::print(loops.kernels[0].parts[0]), loop::print(loops.kernels[1].parts[0]));
}

std::string error_of(const std::string& choice, const Target& target = {}) {
  return message_of([&] { loops_of(product_with(choice), target); });
}

TEST(Choices, SayWhatIsWrongWithTheirText) {
  EXPECT_EQ(error_of(""), "choice '': expected the name of a schedule, got '' (model.cpp:7)");
  EXPECT_EQ(error_of("contract.tiles rows=six"),
            "choice 'contract.tiles rows=six': expected a number, got 'six' (model.cpp:7)");
  EXPECT_EQ(
      error_of("contract.tiles  rows=6"),
      "choice 'contract.tiles  rows=6': expected name or name=number after a space, got '' (model.cpp:7)");
  EXPECT_EQ(error_of("contract.tiles rows=6 rows=5"),
            "choice 'contract.tiles rows=6 rows=5': expected each name once, got 'rows' (model.cpp:7)");
  EXPECT_EQ(
      error_of("contract.tils rows=6"),
      "choice 'contract.tils rows=6': no schedule of the anchor contract is called 'contract.tils': expected "
      "one of contract.workgroups, contract.dots, contract.tiles (model.cpp:7)");
}

TEST(Choices, SayWhatDoesNotSuit) {
  const auto tiles = [](const std::string& numbers) { return "contract.tiles " + numbers; };
  const auto expect = [](const std::string& choice, const std::string& reason, const Target& target = {}) {
    EXPECT_EQ(error_of(choice, target), "choice '" + choice + "': " + reason + " (model.cpp:7)");
  };
  expect(tiles("rows=5 runs=1,1 unroll=4"), "width is missing");
  expect(tiles("rows=5,5 width=16 runs=1,1 unroll=4"), "rows is one number");
  expect(tiles("rows=71 width=16 runs=1,1 unroll=4"), "rows is from 1 to 70 here, got 71");
  expect(tiles("rows=60 width=8 runs=1,1 unroll=4"), "2 tiles of 70 rows are 35 rows each");
  expect(tiles("rows=5 width=12 runs=1,1 unroll=4"), "width is a power of two");
  expect(tiles("rows=5 width=16 k=20 runs=1,1 unroll=4"), "k is a multiple of 16");
  expect(tiles("rows=5 width=16 runs=15,1 unroll=4"), "there are 14 tiles and 4 panels");
  expect(tiles("rows=5 width=16 runs=4 unroll=4"), "runs is how many there are of tiles, and of panels");
  expect(tiles("rows=5 width=16 runs=1,1 unroll=3"), "unroll divides 16");
  expect(tiles("rows=5 width=16 runs=1,1 unroll=4 pack_lhs=1"), "pack_lhs takes no number");
  expect(tiles("rows=5 width=16 runs=1,1 unroll=4 fetch_lhs"),
         "what is fetched is packed, and loaded as it is");
  expect(tiles("rows=5 width=16 runs=1,1 unroll=4 tile=6"), "contract.tiles decides no 'tile'");
  expect(tiles("rows=10 width=16 runs=1,1 unroll=4"),
         "the tile takes 20 vector registers, the machine has 16");
  expect("contract.dots rows=1 width=8 runs=1,1 unroll=2", "the operands do not lie along k");
  const auto staged = [](const std::string& numbers) { return "contract.workgroups " + numbers; };
  expect(staged("tile=32,32 lanes=64 rows=4 chunk=16 stages=1"), "the machine has no workgroups");
  expect(staged("tile=32 lanes=64 rows=4 chunk=16 stages=1"), "tile is rows and columns", gpu());
  expect(staged("tile=32,32 lanes=128 rows=4 chunk=16 stages=1"), "lanes is from 1 to 64 here, got 128",
         gpu());
  expect(staged("tile=32,32 lanes=48 rows=4 chunk=16 stages=1"), "lanes is a power of two", gpu());
  expect(staged("tile=32,32 lanes=64 rows=8 chunk=16 stages=1"),
         "the tile does not suit its lanes and memory", gpu());
  expect(staged("tile=20,32 lanes=64 rows=4 chunk=16 stages=1"), "lanes do not divide the tile", gpu());
  expect(staged("tile=64,64 lanes=64 rows=8 chunk=32 stages=1"),
         "the tile does not suit its lanes and memory", gpu());
  expect(staged("tile=16,32 lanes=64 rows=4 slices=2 chunk=8 stages=1"),
         "the tile does not suit its lanes and memory", gpu());
  expect(staged("tile=16,32 lanes=64 rows=4 slices=3 chunk=48 stages=1"), "lanes do not divide the tile",
         gpu());
  expect(tiles("rows=70 width=8 runs=1,7 unroll=1"),
         "a lane takes 2240 bytes of memory, the machine has 1024", gpu());
  expect("nothing",
         "no schedule of the anchor contract is called 'nothing': expected one of contract.workgroups, "
         "contract.dots, contract.tiles");
}

// Of a softmax's kernel.
TEST(Choices, SayWhatMayNotBeKept) {
  const auto error_of = [](const std::string& choice) {
    return message_of([&] {
      loops_of(R"(func @f(%x: f32[7,50]) {
  %0: f32[7,50] = kernel %x {anchor="reduce", choice=")" +
               choice + R"("} (%p0: f32[7,50]) {
    %0: f32[7,50] = exp %p0
    %1: f32[7] = reduce_sum %0 {axes=[1]}
    %2: f32[7,50] = broadcast %1 {dims=[0], shape=[7,50]}
    %3: f32[7,50] = div %0, %2
    return %3
  }
  return %0
})");
    });
  };
  EXPECT_EQ(error_of("reduce.rows lanes=32 rows=1 keep=1"), "");
  EXPECT_EQ(error_of("reduce.rows lanes=32 rows=1 keep=4"),
            "choice 'reduce.rows lanes=32 rows=1 keep=4': keep names what no later pass needs, or more than "
            "there is "
            "memory for");
  EXPECT_EQ(error_of("reduce.rows lanes=32 rows=1 keep=1 ahead=0,1"), "");
  EXPECT_EQ(
      error_of("reduce.rows lanes=32 rows=1 keep=1 ahead=0,2"),
      "choice 'reduce.rows lanes=32 rows=1 keep=1 ahead=0,2': ahead names a pass for each tensor that has "
      "elements of the rows");
  EXPECT_EQ(error_of("reduce.columns lanes=8"),
            "choice 'reduce.columns lanes=8': the kernel's last axis is reduced");
}

// The second pass reads the exponentials for the last time, and leaves its quotients in their place.
TEST(Choices, ValuesThatAreReadNoMoreGiveTheirMemoryToOthers) {
  const auto text_of = [](const std::string& choice) {
    return R"(func @f(%x: f32[7,50]) {
  %0: f32[7,50] = kernel %x {anchor="reduce", choice="reduce.rows lanes=8 rows=2)" +
           choice + R"("} (%p0: f32[7,50]) {
    %0: f32[7,50] = exp %p0
    %1: f32[7] = reduce_sum %0 {axes=[1]}
    %2: f32[7,50] = broadcast %1 {dims=[0], shape=[7,50]}
    %3: f32[7,50] = div %0, %2
    %4: f32[7] = reduce_max %3 {axes=[1]}
    %5: f32[7,50] = broadcast %4 {dims=[0], shape=[7,50]}
    %6: f32[7,50] = sub %3, %5
    return %6
  }
  return %0
})";
  };
  const loop::Program kept = loops_of(text_of(" keep=1,4"));
  EXPECT_THAT(print(kept), HasSubstr("stash0: f32[56]"));
  EXPECT_THAT(print(kept), Not(HasSubstr("stash1")));
  const graph::Module module = graph::parse(text_of(""), "test.sg");
  const auto inputs = numbers_for(*module.functions[0]);
  expect_same(interpret(loops_of(text_of("")), inputs), interpret(kept, inputs));
}

TEST(Choices, ComeBeforeSchedule) {
  std::string text = product_with("x");
  text.replace(text.find(", choice=\"x\""), 12, "");
  EXPECT_EQ(message_of([&] { loops_of(text); }),
            "schedule: a kernel of the anchor contract has no choice; choose comes first (model.cpp:7)");
}

}  // namespace
}  // namespace sinter::test
