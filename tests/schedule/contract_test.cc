#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>

#include "ir/graph/builder.h"
#include "passes/pipeline.h"
#include "passes/schedule/contract/blocks.h"
#include "tests/support/interpret.h"
#include "tests/support/run_on.h"

// The loops of contractions, against the reference: every order in which operands may lie, and sizes around
// every border at which the loops are cut. A machine with tiny caches has its borders at small sizes.
namespace sinter::test {
namespace {

using graph::Builder;
using graph::DType;
using graph::Value;
using runtime::HostTensor;

// Whole numbers, so that sums are exact in any order; indices of three.
std::vector<HostTensor> whole_numbers(const graph::Module& module, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<HostTensor> inputs;
  for (const graph::Op* parameter : module.functions[0]->parameters()) {
    const graph::TensorType& type = parameter->results[0];
    if (type.dtype == DType::i32) {
      HostTensor& places = inputs.emplace_back(runtime::DType::i32, type.shape);
      for (int64_t i = 0; i < places.size(); ++i)
        places.data<int32_t>()[i] = static_cast<int32_t>(random() % 3);
      continue;
    }
    std::vector<float> values(static_cast<size_t>(type.elements()));
    for (float& value : values) value = static_cast<float>(random() % 9) - 4;
    inputs.push_back(HostTensor::from<float>(values, type.shape));
  }
  return inputs;
}

void expect_equal(const std::vector<HostTensor>& expected, const std::vector<HostTensor>& got) {
  ASSERT_EQ(expected.size(), got.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const auto want = expected[i].values<float>(), have = got[i].values<float>();
    for (size_t j = 0; j < have.size(); ++j) ASSERT_EQ(have[j], want[j]) << "output " << i << " at " << j;
  }
}

loop::Target tiny_caches() {
  loop::Target target;
  target.vector_bytes = 16;
  target.vector_registers = 16;
  target.l1_bytes = 2048;  // blocks of k of 32
  target.l2_bytes = 4096;  // groups of 1 tile
  return target;
}

// Checks f on the processor and on a machine with tiny caches.
void check(const graph::Module& module) {
  const std::vector<HostTensor> inputs = whole_numbers(module, 1);
  const auto expected = run_on("reference", module, "f", inputs);
  expect_equal(expected, interpret(passes::lower(module, "f", tiny_caches(), {}), inputs));
  expect_equal(expected, run_on("cpu", module, "f", inputs));
}

struct Form {
  const char* dims;
  bool lhs_transposed, rhs_transposed;
};
constexpr Form kForms[] = {{"mk,kn->mn", false, false},
                           {"mk,nk->mn", false, true},
                           {"km,kn->mn", true, false},
                           {"km,nk->mn", true, true}};

graph::Module product(const Form& form, int64_t m, int64_t n, int64_t k) {
  graph::Module module;
  Builder b(module, module.add_function("f"));
  const Value x =
      b.parameter("x", {DType::f32, form.lhs_transposed ? graph::Shape{k, m} : graph::Shape{m, k}});
  const Value y =
      b.parameter("y", {DType::f32, form.rhs_transposed ? graph::Shape{n, k} : graph::Shape{k, n}});
  b.output("z", b.contract(x, y, form.dims));
  return module;
}

TEST(Contract, SizesAroundEveryBorder) {
  for (const Form& form : kForms) {
    for (int64_t k : {1, 3, 4, 31, 63, 64, 65, 80, 96, 97, 130}) {
      SCOPED_TRACE(std::string(form.dims) + " k " + std::to_string(k));
      check(product(form, 13, 21, k));
    }
    for (int64_t m : {1, 2, 5, 6, 7, 10, 12, 36, 37, 40}) {
      SCOPED_TRACE(std::string(form.dims) + " m " + std::to_string(m));
      check(product(form, m, 21, 70));
    }
    for (int64_t n : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 33, 50}) {
      SCOPED_TRACE(std::string(form.dims) + " n " + std::to_string(n));
      check(product(form, 13, n, 70));
    }
  }
}

TEST(Contract, SizesOfThisMachinesCaches) {
  for (const Form& form : kForms) {
    for (int64_t k : {511, 513, 777, 1030}) {
      SCOPED_TRACE(std::string(form.dims) + " k " + std::to_string(k));
      const graph::Module module = product(form, 131, 179, k);
      const std::vector<HostTensor> inputs = whole_numbers(module, 2);
      expect_equal(run_on("reference", module, "f", inputs), run_on("cpu", module, "f", inputs));
    }
  }
}

TEST(Contract, EpilogueAndPrologueInEveryBlock) {
  for (const Form& form : kForms) {
    for (int64_t k : {20, 70, 97}) {
      SCOPED_TRACE(std::string(form.dims) + " k " + std::to_string(k));
      graph::Module module;
      Builder b(module, module.add_function("f"));
      const auto shape = [](bool transposed, int64_t rows, int64_t columns) {
        return transposed ? graph::Shape{columns, rows} : graph::Shape{rows, columns};
      };
      const Value x = b.parameter("x", {DType::f32, shape(form.lhs_transposed, 15, k)});
      const Value y = b.parameter("y", {DType::f32, shape(form.rhs_transposed, k, 27)});
      const Value bias = b.parameter("bias", {DType::f32, {27}}),
                  skip = b.parameter("skip", {DType::f32, {15, 27}});
      const Value z = b.contract(b.max(x, b.constant(0, DType::f32, x.shape())), b.abs(y), form.dims);
      const Value sum = b.add(z, b.broadcast_to(bias, {15, 27}));
      b.output("sum", sum);
      b.output("z", b.mul(b.max(sum, b.constant(0, DType::f32, {15, 27})), skip));
      check(module);
    }
  }
}

TEST(Contract, DearEpilogueOnEveryTile) {
  for (int64_t m : {1, 7, 13}) {
    for (int64_t n : {1, 5, 16, 27}) {
      for (int64_t k : {3, 97}) {
        SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k);
        graph::Module module;
        Builder b(module, module.add_function("f"));
        const Value x = b.parameter("x", {DType::f32, {m, k}});
        const Value y = b.parameter("y", {DType::f32, {k, n}});
        const Value z = b.contract(x, y, "mk,kn->mn");
        const Value skip = b.parameter("skip", {DType::f32, {m, n}});
        // Of whole numbers times 8, -1, 0 or 1.
        const Value eight = b.constant(8, DType::f32, {m, n});
        const Value sign = b.erf(b.mul(z, eight));
        b.output("z", z);
        b.output("sign", b.mul(sign, skip));
        check(module);
      }
    }
  }
}

TEST(Contract, FewRowsOrColumnsOfDotProducts) {
  for (const auto& [m, n] :
       {std::pair<int64_t, int64_t>{1, 1}, {1, 5}, {1, 19}, {2, 9}, {5, 3}, {40, 1}, {23, 2}, {31, 3}}) {
    for (int64_t k : {7, 8, 40, 97}) {
      SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k);
      graph::Module module;
      Builder b(module, module.add_function("f"));
      const Value x = b.parameter("x", {DType::f32, {3, m, k}}),
                  y = b.parameter("y", {DType::f32, {3, n, k}});
      const Value z = b.contract(x, y, "bmk,bnk->bmn"), bias = b.parameter("bias", {DType::f32, {n}});
      b.output("z", b.max(b.add(z, b.broadcast_to(bias, {3, m, n})), b.constant(0, DType::f32, {3, m, n})));
      check(module);
    }
  }
}

TEST(Contract, BatchesAndAxesOfSeveralLetters) {
  struct Case {
    const char* dims;
    graph::Shape lhs, rhs;
  };
  const Case cases[] = {
      {"bmk,bkn->bmn", {3, 13, 70}, {3, 70, 21}}, {"bmk,bnk->bmn", {3, 13, 70}, {3, 21, 70}},
      {"abk,akc->abc", {2, 7, 97}, {2, 97, 18}},  {"amb,bna->mn", {5, 13, 17}, {17, 21, 5}},
      {"mab,anb->mn", {13, 5, 17}, {5, 21, 17}},  {"bqhd,bkhd->bhqk", {2, 9, 3, 20}, {2, 11, 3, 20}}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.dims);
    graph::Module module;
    Builder b(module, module.add_function("f"));
    const Value x = b.parameter("x", {DType::f32, c.lhs}), y = b.parameter("y", {DType::f32, c.rhs});
    b.output("z", b.contract(x, y, c.dims));
    check(module);
  }
}

// An operand of [batch, rows, columns].
using Operand = std::function<Value(Builder&, const std::string& name, const graph::Shape&)>;

// As either operand, in any order of its axes; small ones, which nothing copies first, on the processor too,
// one of them not fused.
void check_as_operand(const Operand& operand, int64_t m, int64_t n, int64_t k) {
  for (const Form& form : kForms) {
    for (const bool is_left : {true, false}) {
      SCOPED_TRACE(testing::Message() << form.dims << (is_left ? " left" : " right"));
      graph::Module module;
      Builder b(module, module.add_function("f"));
      const auto shape = [](bool transposed, int64_t rows, int64_t columns) {
        return transposed ? graph::Shape{3, columns, rows} : graph::Shape{3, rows, columns};
      };
      const graph::Shape left = shape(form.lhs_transposed, m, k), right = shape(form.rhs_transposed, k, n);
      const Value x = is_left ? operand(b, "x", left) : b.parameter("x", {DType::f32, left});
      const Value y = is_left ? b.parameter("y", {DType::f32, right}) : operand(b, "y", right);
      const std::string dims = form.dims;
      b.output("z",
               b.contract(x, y, "b" + dims.substr(0, 3) + "b" + dims.substr(3, 4) + "b" + dims.substr(7)));
      const std::vector<HostTensor> inputs = whole_numbers(module, 1);
      const auto expected = run_on("reference", module, "f", inputs);
      expect_equal(expected, interpret(passes::lower(module, "f", tiny_caches(), {}), inputs));
      if (m > 2) continue;
      expect_equal(expected, run_on("cpu", module, "f", inputs, {.fuse = is_left}));
    }
  }
}

// Where an element lies is itself read: its strides are not those of what the place is read from.
TEST(Contract, OperandsReadByIndices) {
  const auto gather = [](int64_t axis) {
    return [=](Builder& b, const std::string& name, const graph::Shape& shape) {
      graph::Shape table = shape;
      table[static_cast<size_t>(axis)] += 3;
      const Value places = b.parameter(name + "_at", {DType::i32, {shape[static_cast<size_t>(axis)]}});
      return b.gather(b.parameter(name, {DType::f32, table}), places, axis);
    };
  };
  const auto of_each = [](Builder& b, const std::string& name, const graph::Shape& shape) {
    const Value places = b.parameter(name + "_at", {DType::i32, {shape[0], shape[1]}});
    return b.gather(b.parameter(name, {DType::f32, {5, shape[2]}}), places);
  };
  const auto slice = [](Builder& b, const std::string& name, const graph::Shape& shape) {
    const Value at = b.parameter(name + "_at", {DType::i32, {}}), zero = b.constant_int(0, DType::i32);
    graph::Shape whole = shape;
    for (int64_t& extent : whole) extent += 2;
    return b.dynamic_slice(b.parameter(name, {DType::f32, whole}), {at, zero, at}, shape);
  };
  const auto turned = [](Builder& b, const std::string& name, const graph::Shape& shape) {
    const Value places = b.parameter(name + "_at", {DType::i32, {shape[2]}});
    return b.swap_axes(b.gather(b.parameter(name, {DType::f32, {3, shape[1], shape[0]}}), places), 0, 2);
  };
  const Operand operands[] = {gather(0), gather(1), gather(2), of_each, slice, turned};
  for (size_t i = 0; i < std::size(operands); ++i) {
    SCOPED_TRACE(i);
    check_as_operand(operands[i], 2, 4, 4);
    check_as_operand(operands[i], 13, 21, 40);
  }
}

// What holds in the first part of the batch need not hold in the others.
TEST(Contract, OperandsThatDifferAlongTheBatch) {
  const auto concat = [](Builder& b, const std::string& name, const graph::Shape& shape) {
    const Value first = b.parameter(name + "_first", {DType::f32, {1, shape[1], shape[2]}});
    return b.concat({first, b.parameter(name, {DType::f32, {2, shape[1], shape[2]}})}, 0);
  };
  const auto pad = [](int64_t low) {
    return [=](Builder& b, const std::string& name, const graph::Shape& shape) {
      return b.pad(b.parameter(name, {DType::f32, {2, shape[1], shape[2]}}), {low, 0, 0}, {1 - low, 0, 0}, {},
                   2);
    };
  };
  const auto select = [](Builder& b, const std::string& name, const graph::Shape& shape) {
    const Value part = b.iota({DType::i32, shape}, 0), one = b.constant_int(1, DType::i32, shape);
    const Value x = b.parameter(name, {DType::f32, shape}),
                other = b.parameter(name + "_other", {DType::f32, shape});
    return b.select(b.less(part, one), x, other);
  };
  const auto update = [](Builder& b, const std::string& name, const graph::Shape& shape) {
    const Value part = b.parameter(name + "_part", {DType::f32, {1, shape[1], shape[2]}});
    const Value at = b.parameter(name + "_at", {DType::i32, {}}), zero = b.constant_int(0, DType::i32);
    return b.dynamic_update(b.parameter(name, {DType::f32, shape}), part, {at, zero, zero});
  };
  const Operand operands[] = {concat, pad(0), pad(1), select, update};
  for (size_t i = 0; i < std::size(operands); ++i) {
    SCOPED_TRACE(i);
    check_as_operand(operands[i], 2, 4, 4);
    check_as_operand(operands[i], 13, 21, 40);
  }
}

TEST(Contract, TheSameBitsOnAnyNumberOfThreads) {
  const graph::Module module = product(kForms[0], 150, 170, 900);
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<HostTensor> inputs;
  for (const graph::Shape& shape : {graph::Shape{150, 900}, graph::Shape{900, 170}}) {
    std::vector<float> values(static_cast<size_t>(graph::element_count(shape)));
    for (float& value : values) value = normal(random);
    inputs.push_back(HostTensor::from<float>(values, shape));
  }
  const auto one = run_on("cpu", module, "f", inputs, {}, 1);
  for (int threads : {2, 3}) {
    const auto many = run_on("cpu", module, "f", inputs, {}, threads);
    EXPECT_EQ(std::memcmp(one[0].raw(), many[0].raw(), one[0].values<float>().size_bytes()), 0) << threads;
  }
}

TEST(ContractBlocks, CoverTheResult) {
  using passes::choose_blocks, passes::ContractBlocks, passes::ContractProblem;
  for (int64_t m = 1; m <= 100; ++m) {
    for (int64_t n : {1, 5, 8, 9, 16, 40, 300}) {
      for (int64_t k : {1, 64, 300, 1000}) {
        const ContractBlocks blocks = choose_blocks({.m = m, .n = n, .k = k}, loop::Target());
        ASSERT_EQ(blocks.taller * blocks.rows + (blocks.tiles - blocks.taller) * (blocks.rows - 1), m);
        ASSERT_GT(blocks.taller, 0);
        ASSERT_LE(blocks.taller, blocks.tiles);
        ASSERT_GE(blocks.panels * blocks.width, n);
        ASSERT_GE(blocks.k_block * blocks.k_blocks, k);
        ASSERT_LT(blocks.k_block * (blocks.k_blocks - 1), k);
        ASSERT_LE(blocks.tile_runs, blocks.tiles);
        ASSERT_LE(blocks.panel_runs, blocks.panels);
      }
    }
  }
}

TEST(ContractBlocks, RowsThatDivide) {
  using passes::choose_blocks;
  const auto rows = [](int64_t m) {
    const auto blocks = choose_blocks({.m = m, .n = 64, .k = 64}, loop::Target());
    return std::pair(blocks.rows, blocks.taller == blocks.tiles);
  };
  EXPECT_EQ(rows(12), std::pair(int64_t{6}, true));
  EXPECT_EQ(rows(10), std::pair(int64_t{5}, true));
  EXPECT_EQ(rows(320), std::pair(int64_t{5}, true));
  EXPECT_EQ(rows(97), std::pair(int64_t{6}, false));
}

TEST(ContractBlocks, DotProductsWhereCopiesServeFew) {
  using passes::choose_blocks, passes::ContractProblem;
  const auto are_dots = [](int64_t m, int64_t n, bool lhs_along_k, bool rhs_along_k) {
    const ContractProblem problem = {
        .m = m, .n = n, .k = 512, .lhs = {.along_k = lhs_along_k}, .rhs = {.along_k = rhs_along_k}};
    return choose_blocks(problem, loop::Target()).are_dots;
  };
  EXPECT_TRUE(are_dots(1, 512, true, true));
  EXPECT_TRUE(are_dots(8, 512, true, true));
  EXPECT_TRUE(are_dots(512, 1, true, true));
  EXPECT_TRUE(are_dots(512, 2, true, true));
  EXPECT_FALSE(are_dots(64, 512, true, true));
  EXPECT_FALSE(are_dots(512, 8, true, true));
  EXPECT_FALSE(are_dots(1, 512, true, false));
  EXPECT_FALSE(are_dots(1, 512, false, true));
}

TEST(ContractBlocks, CopyWhatIsLargeOrOutOfOrder) {
  using passes::choose_blocks, passes::ContractProblem;
  const ContractProblem small = {.m = 64, .n = 64, .k = 64, .lhs = {.along_k = true}};
  EXPECT_FALSE(choose_blocks(small, loop::Target()).pack_lhs);
  EXPECT_FALSE(choose_blocks(small, loop::Target()).pack_rhs);
  ContractProblem large = {.m = 512, .n = 512, .k = 512, .lhs = {.along_k = true}};
  EXPECT_TRUE(choose_blocks(large, loop::Target()).pack_rhs);
  EXPECT_EQ(choose_blocks(large, loop::Target()).k_blocks, 1);
  EXPECT_FALSE(choose_blocks(large, loop::Target()).pack_lhs);
  large.k = 2048;
  EXPECT_TRUE(choose_blocks(large, loop::Target()).pack_lhs);
  EXPECT_EQ(choose_blocks(large, loop::Target()).k_blocks, 8);
  ContractProblem transposed = small;
  transposed.rhs.along_k = true;
  EXPECT_TRUE(choose_blocks(transposed, loop::Target()).pack_rhs);
}

}  // namespace
}  // namespace sinter::test
