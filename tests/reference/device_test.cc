#include <gmock/gmock.h>

#include "backends/reference/reference.h"
#include "ir/graph/text/text.h"
#include "runtime/error.h"

namespace sinter::reference::test {
namespace {

using testing::ElementsAre;

class ElsewhereState final : public runtime::StateStore {
 public:
  void set(std::string_view, const runtime::HostTensor&) override {}
  runtime::HostTensor get(std::string_view) const override { return {}; }
  const std::vector<runtime::TensorSpec>& specs() const override { return specs_; }
  std::unique_ptr<runtime::StateStore> with(const runtime::StateStore&,
                                            std::span<const std::string>) const override {
    return nullptr;
  }

 private:
  std::vector<runtime::TensorSpec> specs_;
};

TEST(Device, RunsAFunctionOnItsState) {
  const auto device = backend().open({});
  std::unique_ptr<runtime::Executable> program;
  std::unique_ptr<runtime::StateStore> state;
  {  // the program outlives the graph it was made from
    const graph::Module module = graph::parse(R"(
state @total: f32[2]

func @f(%x: f32[2]) {
  %0: f32[2] = read {state="total"}
  %1: f32[2] = add %0, %x
  write %1 {state="total"}
  return sum=%1
})");
    program = device->compile({module.functions[0]->name(), [&] { return graph::clone(module); }, nullptr});
    state = device->make_state(module.states);
  }
  ASSERT_EQ(program->inputs().size(), 1u);
  EXPECT_EQ(program->inputs()[0].name, "x");
  ASSERT_EQ(program->outputs().size(), 1u);
  EXPECT_EQ(program->outputs()[0].name, "sum");

  const float x[] = {1, 2};
  float sum[2];
  const void* inputs[] = {x};
  void* outputs[] = {sum};
  const auto context = program->make_context();
  program->run(*context, *state, {inputs, outputs});
  program->run(*context, *state, {inputs, outputs});
  EXPECT_THAT(sum, ElementsAre(2, 4));
  EXPECT_THAT(state->get("total").values<float>(), ElementsAre(2, 4));

  ElsewhereState elsewhere;
  EXPECT_THROW(program->run(*context, elsewhere, {inputs, outputs}), RuntimeError);
}

}  // namespace
}  // namespace sinter::reference::test
