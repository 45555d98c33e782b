#include <gmock/gmock.h>

#include "runtime/npy.h"
#include "tests/support/environment.h"
#include "tests/tools/program.h"

namespace sinter {
namespace {

using runtime::HostTensor;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kTrain = R"(state @layer.weight: f32[2]
state @step: i32[]

func @train(%x: f32[2]) {
  %0: f32[2] = read {state="layer.weight"}
  %1: f32[2] = add %0, %x
  write %1 {state="layer.weight"}
  %2: f32[2] = mul %1, %x
  return product=%2
}

func @random() {
  %0: f32[4] = random_uniform {dtype=f32, key=1, shape=[4]}
  return %0
}
)";

class SinterRun : public ProgramTest {
 protected:
  SinterRun() {
    write("train.sg", kTrain);
    write_npy("x", {2, 3});
    write_npy("w", {10, 20});
    write_npy("three", {1, 2, 3});
  }
  void write_npy(const std::string& name, const std::vector<float>& values) const {
    runtime::write_npy(path(name + ".npy"),
                       HostTensor::from<float>(values, {static_cast<int64_t>(values.size())}));
  }
  std::vector<float> read_npy(const std::string& name) const {
    const HostTensor tensor = runtime::read_npy(path(name));
    return {tensor.values<float>().begin(), tensor.values<float>().end()};
  }
  ProgramResult train(const std::string& arguments) const {
    return run("sinter-run", "train.sg --function train --device reference --output-dir out " + arguments);
  }
  std::string error(const ProgramResult& result) const {
    EXPECT_EQ(result.status, 1);
    EXPECT_FALSE(std::filesystem::exists(path("out")));
    return result.err;
  }
};

TEST_F(SinterRun, WritesOutputsAndState) {
  const ProgramResult result = train("--input x=x.npy --state layer.weight=w.npy");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(read_npy("out/product.npy"), ElementsAre(24, 69));
  EXPECT_THAT(read_npy("out/layer.weight.npy"), ElementsAre(12, 23));
  EXPECT_FALSE(std::filesystem::exists(path("out/step.npy")));
}

TEST_F(SinterRun, StateThatIsNotGivenIsZero) {
  const ProgramResult result = train("--input x=x.npy");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(read_npy("out/layer.weight.npy"), ElementsAre(2, 3));
}

TEST_F(SinterRun, RandomNumbersFollowTheSeed) {
  const auto random = [&](const std::string& seed) {
    const ProgramResult result = run(
        "sinter-run", "train.sg --function random --device reference --output-dir deep/er --seed " + seed);
    EXPECT_EQ(result.status, 0) << result.err;
    return read_npy("deep/er/output0.npy");
  };
  EXPECT_EQ(random("1"), random("1"));
  EXPECT_NE(random("1"), random("2"));
}

TEST_F(SinterRun, ProfilesKernels) {
  const ProgramResult result =
      run("sinter-run",
          "train.sg --function train --device cpu --output-dir out --input x=x.npy --profile --trace t.json");
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, testing::StartsWith("1 calls, "));
  EXPECT_THAT(result.out, HasSubstr("train: "));
  EXPECT_THAT(runtime::read_file(path("t.json")), HasSubstr("traceEvents"));
}

TEST_F(SinterRun, ErrorsOfInputs) {
  EXPECT_EQ(error(train("")), "sinter-run: input 'x' (f32[2]) is missing: --input x=FILE.npy\n");
  EXPECT_EQ(error(train("--input x=x.npy --input y=x.npy")),
            "sinter-run: no input is called 'y'; inputs: 'x'\n");
  EXPECT_EQ(error(train("--input x=three.npy")), "sinter-run: input 'x' is f32[2], three.npy holds f32[3]\n");
  EXPECT_EQ(error(train("--input x=none.npy")),
            "sinter-run: cannot read none.npy: No such file or directory\n");
  EXPECT_EQ(error(train("--input x=x.npy --state w=w.npy")),
            "sinter-run: no state is called 'w'; states: 'layer.weight', 'step'\n");
  EXPECT_EQ(error(train("--input x=x.npy --state layer.weight=three.npy")),
            "sinter-run: state 'layer.weight' is f32[2], three.npy holds f32[3]\n");
}

TEST_F(SinterRun, NamesTheOpThatANaNComesFrom) {
  write("bad.sg", R"(func @f(%x: f32[2]) {
  %0: f32[2] = sqrt %x @"model.cc":7
  %1: f32[2] = add %0, %x @"model.cc":8
  return sum=%1
}
)");
  write_npy("negative", {4, -1});
  for (const std::string device : {"cpu", "vulkan", "reference"}) {
    const std::string call = "bad.sg --input x=negative.npy --output-dir out --device " + device;
    EXPECT_EQ(run("sinter-run", call).status, 0);
    std::filesystem::remove_all(path("out"));
    EXPECT_EQ(error(run("sinter-run", call + " --check-numerics --step 5")),
              "sinter-run: f: output 'sum' is not finite: nan at position [1] in step 5 of seed 0\n"
              "  first: sqrt gives nan at [1] of f32[2] (model.cc:7)\n"
              "    operand 0 (x): f32[2] from -1 to 4\n");
  }
}

TEST_F(SinterRun, RefusesWhatFallsBackWhereItIsStrict) {
  write("gate.sg", R"(func @f(%q: f32[8,8], %k: f32[8,8]) {
  %0: f32[8,8] = contract %q, %k {dims="ik,jk->ij"} @"model.cc":7
  %1: f32[8,8] = softmax %0 {axis=1} @"model.cc":8
  %2: f32[8,8] = contract %1, %k {dims="ij,jk->ik"} @"model.cc":9
  return y=%2, weights=%1
}
)");
  EXPECT_EQ(
      error(run("sinter-run", "gate.sg --strict --output-dir out --device cpu")),
      "sinter-run: strict: of 'f' 1 falls back:\n"
      "  attention is no kernel of its own: softmax (model.cc:8): its probabilities are used elsewhere, "
      "too: it is returned\n");
}

TEST_F(SinterRun, WritesAllOrNothing) {
  EXPECT_EQ(error(train("--input x=x.npy --trace missing/t.json")),
            "sinter-run: cannot write missing/t.json: No such file or directory\n");
  ASSERT_TRUE(std::filesystem::create_directories(path("out/product.npy")));
  const ProgramResult result = train("--input x=x.npy --trace t.json");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "sinter-run: cannot write out/product.npy: Is a directory\n");
  EXPECT_FALSE(std::filesystem::exists(path("out/layer.weight.npy")));
  EXPECT_FALSE(std::filesystem::exists(path("t.json")));
  EXPECT_EQ(
      run("sinter-run", "train.sg --function train --device cpu --input x=x.npy --output-dir x.npy").err,
      "sinter-run: cannot make the directory x.npy: Not a directory\n");
}

TEST_F(SinterRun, ChecksTheKernelsOfADevice) {
  for (const std::string device : {"cpu", "vulkan"}) {
    const ProgramResult result = run("sinter-run", "train.sg --function train --check --device " + device);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "train: 1 kernels and the whole agree with the reference on " + device + "\n");
  }
}

TEST_F(SinterRun, ListsDevices) {
  const ProgramResult result = run("sinter-run", "--list-devices");
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, HasSubstr("reference\ncpu\nvulkan:0  "));
}

TEST_F(SinterRun, ErrorsOfDevices) {
  const std::string random = "train.sg --function random --output-dir out --device ";
  EXPECT_THAT(error(run("sinter-run", random + "abacus")), HasSubstr("abacus"));
  EXPECT_THAT(error(run("sinter-run", random + "cpu --target abacus")), HasSubstr("unknown target 'abacus'"));
  const Environment no_drivers("VK_DRIVER_FILES", "/nowhere");
  EXPECT_EQ(
      error(run("sinter-run", random + "vulkan")),
      "sinter-run: vulkan: no Vulkan driver is installed, or none can be loaded; VK_LOADER_DEBUG=all shows "
      "what was tried\n");
  EXPECT_EQ(
      run("sinter-run", "--list-devices").out,
      "reference\ncpu\nvulkan: no Vulkan driver is installed, or none can be loaded; VK_LOADER_DEBUG=all "
      "shows what was tried\n");
}

TEST_F(SinterRun, ErrorsOfUsage) {
  const auto usage = [&](const std::string& arguments) {
    const ProgramResult result = run("sinter-run", arguments + " --device reference --output-dir out");
    EXPECT_EQ(result.status, 2);
    return result.err;
  };
  EXPECT_EQ(usage("train.sg"), "sinter-run: --function is required; train.sg has 'train', 'random'\n");
  EXPECT_EQ(usage("train.sg --function predict"),
            "sinter-run: train.sg has no function 'predict'; it has 'train', 'random'\n");
  EXPECT_EQ(usage("train.sg --input x"), "sinter-run: --input takes NAME=FILE, got 'x'\n");
  EXPECT_EQ(usage("train.sg --input x=x.npy --input x=w.npy"), "sinter-run: --input names 'x' twice\n");
  EXPECT_EQ(run("sinter-run", "train.sg").err, "sinter-run: --device is required; --help says more\n");
  EXPECT_EQ(usage("train.sg --check"), "sinter-run: --check excludes --output-dir; --help says more\n");
  EXPECT_EQ(usage("train.sg --threads=-1"),
            "sinter-run: --threads: expected a whole number from 0 to 1024, got '-1'; --help says more\n");
  EXPECT_EQ(
      usage("train.sg --seed -1"),
      "sinter-run: --seed: expected a whole number from 0 to 18446744073709551615, got '-1'; --help says "
      "more\n");
  EXPECT_EQ(
      usage("train.sg --step 1.5"),
      "sinter-run: --step: expected a whole number from 0 to 4294967295, got '1.5'; --help says more\n");
  EXPECT_EQ(run("sinter-run", "train.sg --device cpu --check --seed 1").err,
            "sinter-run: --check excludes --seed; --help says more\n");
}

}  // namespace
}  // namespace sinter
