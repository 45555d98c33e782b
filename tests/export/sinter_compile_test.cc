#include <gmock/gmock.h>
#include <sinter/exported.h>

#include "runtime/safetensors.h"
#include "tests/export/exports.h"

namespace sinter::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kGraph = R"(state @layer.weight: f32[2]

func @inner(%x: f32[2]) {
  %0: f32[2] = read {state="layer.weight"}
  %1: f32[2] = mul %0, %x
  return %1
}

func @scale.batch_1(%x: f32[2]) {
  %0: f32[2] = call %x {function="inner"}
  return y=%0
}
)";

class SinterCompile : public ExportTest {
 protected:
  SinterCompile() { write("graph.sg", kGraph); }
  ProgramResult compile(const std::string& arguments) const {
    return run("sinter-compile", "graph.sg --name mine --out out " + arguments);
  }
  std::string error(const std::string& arguments) const {
    const ProgramResult result = compile(arguments);
    EXPECT_NE(result.status, 0);
    EXPECT_FALSE(std::filesystem::exists(path("out")));
    return result.err;
  }
  void write_state(const std::string& name, const runtime::HostTensor& tensor,
                   const std::string& step = "7") const {
    runtime::write_safetensors(path("state.safetensors"),
                               {{{"step", step}}, {{name, tensor}, {"other", tensor}}});
  }
};

TEST_F(SinterCompile, WritesWhatNoOtherFunctionRuns) {
  const ProgramResult result = compile("");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(bytes("out/mine.h"),
              HasSubstr("int mine_scale_batch_1(mine_context* context, const float* x, "));
  EXPECT_THAT(bytes("out/mine.h"), HasSubstr("No such file came with this model"));
  EXPECT_FALSE(std::filesystem::exists(path("out/mine.safetensors")));
  EXPECT_THAT(
      symbols("out/mine.o", "extern-only --defined-only"),
      testing::ElementsAre("mine_check_state", "mine_clear_state", "mine_scale_batch_1", "mine_states"));
}

TEST_F(SinterCompile, TakesStateFromAFile) {
  write_state("layer.weight", runtime::HostTensor::from<float>(std::vector<float>{3, 4}, {2}));
  const ProgramResult result = compile("--state state.safetensors --function inner --target x86-64-v2");
  ASSERT_EQ(result.status, 0) << result.err;
  const runtime::SafetensorsFile file = runtime::read_safetensors(path("out/mine.safetensors"));
  EXPECT_EQ(file.tensors.size(), 1u);
  EXPECT_EQ(file.tensors.at("layer.weight").values<float>()[1], 4);
  EXPECT_EQ(file.metadata.at("step"), "0000000007");
  EXPECT_THAT(bytes("out/mine.h"), HasSubstr("int mine_inner("));
  EXPECT_THAT(bytes("out/mine.h"), HasSubstr("mine.safetensors is what it was"));
}

TEST_F(SinterCompile, CompilesForAGpu) {
  write_state("layer.weight", runtime::HostTensor::from<float>(std::vector<float>{3, 4}, {2}));
  const ProgramResult result = compile("--device vulkan --state state.safetensors");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_FALSE(std::filesystem::exists(path("out/mine.h")));
  ExportedProgram exported(path("out/mine.sinter"));
  exported.load(path("out/mine.safetensors"));
  Function scale = exported.function("scale_batch_1");
  scale.set_input("x", Array::from<float>({1, 10}, {2}));
  scale.run();
  EXPECT_THAT(scale.output<float>("y"), testing::ElementsAre(3, 40));
  EXPECT_EQ(exported.step(), 7u);
}

TEST_F(SinterCompile, SaysWhatIsWrong) {
  EXPECT_EQ(error("--function outer"),
            "sinter-compile: graph.sg has no function 'outer'; it has 'inner', 'scale.batch_1'\n");
  EXPECT_EQ(error("--target x86-65"),
            "sinter-compile: unknown target 'x86-65': expected native or something "
            "like x86-64\n");
  EXPECT_EQ(error("--state absent"), "sinter-compile: cannot read absent: No such file or directory\n");
  write_state("layer.weight", runtime::HostTensor::from<float>(std::vector<float>{3, 4, 5}, {3}));
  EXPECT_EQ(error("--state state.safetensors"),
            "sinter-compile: state.safetensors: state 'layer.weight' is f32[2], got f32[3]\n");
  write_state("layer.bias", runtime::HostTensor::from<float>(std::vector<float>{3, 4}, {2}));
  EXPECT_EQ(error("--state state.safetensors"),
            "sinter-compile: state.safetensors has no state 'layer.weight', which is f32[2]\n");
  write_state("layer.weight", runtime::HostTensor::from<float>(std::vector<float>{3, 4}, {2}), "-1");
  EXPECT_EQ(error("--state state.safetensors"), "sinter-compile: state.safetensors: '-1' is no step\n");
  EXPECT_THAT(run("sinter-compile", "graph.sg --name 1st --out out").err,
              StartsWith("sinter-compile: '1st' does not name an export"));
  EXPECT_EQ(run("sinter-compile", "graph.sg --out out").status, 2);
}

}  // namespace
}  // namespace sinter::test
