#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/file.h"
#include "tests/fuzz/targets/targets.h"

// What the fuzzers have kept, tests/fuzz/corpus/TARGET/, and all of it damaged.
namespace sinter::fuzz {
namespace {

struct Target {
  const char* name;
  void (*run)(std::string_view bytes);
};
constexpr Target kTargets[] = {
#define SINTER_FUZZ_TARGET(name) {#name, name},
    SINTER_FUZZ_TARGETS(SINTER_FUZZ_TARGET)
#undef SINTER_FUZZ_TARGET
};

class Corpus : public testing::TestWithParam<Target> {};

TEST_P(Corpus, IsReadOrRefused) {
  const auto& [name, run] = GetParam();
  int count = 0;
  const auto folder = std::filesystem::path(SINTER_SOURCE_DIR "/tests/fuzz/corpus") / name;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().filename());
    const std::string bytes = runtime::read_file(entry.path());
    EXPECT_NO_THROW(run(bytes));
    for (size_t cut = 0; cut < 8; ++cut) EXPECT_NO_THROW(run(bytes.substr(0, bytes.size() * cut / 8)));
    ++count;
  }
  EXPECT_GT(count, 2);
}

INSTANTIATE_TEST_SUITE_P(Targets, Corpus, testing::ValuesIn(kTargets),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace sinter::fuzz
