#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "backends/registry/registry.h"
#include "frontend/compile/compare.h"
#include "passes/differentiate/vjp.h"
#include "tests/gradients/check.h"
#include "tests/gradients/rows.h"
#include "tests/support/lacks.h"
#include "tests/support/narrow.h"
#include "tests/support/run_on.h"

namespace sinter::test {
namespace {

using graph::OpCode;
using passes::VjpRule;

class OpGradient : public ::testing::TestWithParam<size_t> {};

TEST_P(OpGradient, IsThatOfFiniteDifferences) {
  const Case& c = rows()[GetParam()];
  SCOPED_TRACE(to_string(c));
  check_gradient(make_point(c), c.orders);
}

// Values and gradients of compiled code in f64, held against the reference.
TEST_P(OpGradient, IsTheSameOnTheCpu) {
  const Case& c = rows()[GetParam()];
  SCOPED_TRACE(to_string(c));
  const Point point = gradient(make_point(c));
  const auto expected = evaluate(point);
  const auto got = run_on("cpu", point.module, function(point).name(), point.inputs);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (expected[i].dtype() != runtime::DType::f64) continue;
    for (int64_t j = 0; j < got[i].size(); ++j) {
      const double want = expected[i].data<double>()[j];
      EXPECT_NEAR(got[i].data<double>()[j], want, 1e-10 * std::max(1.0, std::abs(want))) << "output " << i;
    }
  }
}

// The same in f32, held against what the reference gives in f64.
TEST_P(OpGradient, IsTheSameOnVulkan) {
  const Case& c = rows()[GetParam()];
  SCOPED_TRACE(to_string(c));
  const Point point = gradient(make_point(c));
  static const auto device = backends::open_device("vulkan");
  const graph::Module module = narrowed(point.module);
  if (const std::string lacking = lacks(*device, module); !lacking.empty()) GTEST_SKIP() << lacking;
  EXPECT_EQ(difference_from_reference(module, function(point).name(), *device, narrowed(point.inputs)), "");
}

std::string row_name(const ::testing::TestParamInfo<size_t>& row) {
  return std::string(name(rows()[row.param].op)) + "_" + std::to_string(row.param);
}

INSTANTIATE_TEST_SUITE_P(Rows, OpGradient, ::testing::Range(size_t{0}, rows().size()), row_name);

TEST(OpGradients, HaveARowForEveryDifferentiableOp) {
  std::set<OpCode> with_row{OpCode::call, OpCode::scan, OpCode::barrier, OpCode::kernel,
                            OpCode::all_reduce};  // control_test.cc, scan_test.cc
  for (const Case& c : rows()) with_row.insert(c.op);
  for (OpCode code : graph::all_opcodes()) {
    const VjpRule::Kind kind = passes::vjp_rule(code).kind;
    const bool differentiable = kind != VjpRule::Kind::zero && kind != VjpRule::Kind::missing;
    EXPECT_TRUE(!differentiable || with_row.contains(code)) << name(code) << " has no row";
  }
}

}  // namespace
}  // namespace sinter::test
