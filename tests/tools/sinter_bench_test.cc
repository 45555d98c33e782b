#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/thread_pool.h"
#include "tests/tools/program.h"

namespace sinter {
namespace {

class SinterBench : public ProgramTest {
 protected:
  ProgramResult bench(const std::string& arguments) const { return run("sinter-bench", arguments); }
};

TEST_F(SinterBench, TimesAWorkload) {
  const ProgramResult result = bench("gemm:3x4x5 --seconds 0 --threads 1 --trace t.json");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, testing::StartsWith("gemm:3x4x5 on cpu, 1 thread(s), 5 calls\n"));
  EXPECT_THAT(runtime::read_file(path("t.json")), testing::HasSubstr("traceEvents"));
}

TEST_F(SinterBench, MeasuresTheMachineWithAsManyThreads) {
  const int cores = runtime::available_cores();
  for (const auto& [arguments, threads] :
       {std::pair("", cores), {"--threads 0", cores}, {"--threads 5", 5}}) {
    const ProgramResult result = bench(fmt::format("gemm:3x4x5 --seconds 0 --json {}", arguments));
    EXPECT_EQ(result.status, 0) << result.err;
    const nlohmann::json line = nlohmann::json::parse(result.out);
    EXPECT_EQ(line["threads"], threads);
    EXPECT_GT(line["peak_gflops"], 0.1) << result.out;
    EXPECT_GT(line["peak_gbytes"], 0.1) << result.out;
  }
}

TEST_F(SinterBench, RefusesWorkloadsThatItDoesNotHave) {
  for (const std::string name : {"gemm:0x1x1", "gemm:1x1", "gemm:99999999x9999999x999999", "sdpa:-1",
                                 "sdpa:0", "sdpa:8:full", "block:", "flagship2", "gemm:1x1x1 "}) {
    const ProgramResult result = bench("'" + name + "' --seconds 0");
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.err,
              "sinter-bench: no workload is called '" + name +
                  "': there are flagship[:batch=N], infer1, nanogpt[:layers=N,width=N,...], block[:forward], "
                  "rows[:rows=N,width=N], sdpa:T[:causal] and gemm:MxNxK[:nn|nt|tn|tt], with sizes from 1 to "
                  "999999\n");
  }
}

TEST_F(SinterBench, NamesTheSizesOfAWorkload) {
  for (const std::string sizes : {"layers=0", "depth=3", "layers", "layers=3;width=80"}) {
    const ProgramResult result = bench("'nanogpt:" + sizes + "'");
    EXPECT_EQ(result.status, 2) << sizes;
    EXPECT_THAT(result.err, testing::StartsWith(
                                "sinter-bench: nanogpt: expected sizes as in NAME=1,NAME=2 with the names "
                                "batch, characters, context, heads, layers, width, and found \""));
  }
  EXPECT_EQ(bench("nanogpt:width=80,heads=7").err,
            "sinter-bench: nanogpt: a width of 80 does not divide into 7 heads\n");
}

TEST_F(SinterBench, RefusesWhatIsTooLarge) {
  const ProgramResult attention = bench("sdpa:999999 --seconds 0");
  EXPECT_EQ(attention.status, 1);
  EXPECT_THAT(attention.err, testing::HasSubstr("f32[1,8,999999,999999] is too large"));
}

TEST_F(SinterBench, ErrorsOfUsage) {
  const auto usage = [&](const std::string& arguments) {
    const ProgramResult result = bench("gemm:1x1x1 " + arguments);
    EXPECT_EQ(result.status, 2);
    return result.err;
  };
  EXPECT_EQ(usage("--seconds nan"),
            "sinter-bench: --seconds: expected a number from 0 to 3600, got 'nan'; --help says more\n");
  EXPECT_EQ(usage("--seconds -1"),
            "sinter-bench: --seconds: expected a number from 0 to 3600, got '-1'; --help says more\n");
  EXPECT_EQ(usage("--threads -1"),
            "sinter-bench: --threads: expected a whole number from 0 to 1024, got '-1'; --help says more\n");
  EXPECT_EQ(bench("").err, "sinter-bench: WORKLOAD is required; --help says more\n");
}

TEST_F(SinterBench, RefusesOutputsItCannotWriteBeforeItMeasures) {
  const ProgramResult result = bench("flagship --seconds 3600 --trace missing/t.json");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "sinter-bench: cannot write missing/t.json: No such file or directory\n");
}

}  // namespace
}  // namespace sinter
