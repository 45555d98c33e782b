#include "runtime/profile.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace sinter::runtime {
namespace {

const KernelInfo kLarge{"train", "contract at classes", {"model.cpp:3, in classes"}, 4000, 1000};
const KernelInfo kSmall{"train", "sum", {"a.cpp:1", "a.cpp:2", "a.cpp:3", "a.cpp:4", "a.cpp:5"}, 0, 500};

Profile two_calls() {
  Profile profile;
  for (int64_t start : {10'000, 20'000}) {
    profile.add_launch(kSmall, start, start + 500);
    profile.add_part(kSmall, 0, start, start + 500);
    profile.add_launch(kLarge, start + 1000, start + 2500);
    profile.add_part(kLarge, 0, start + 1000, start + 2500);
    profile.add_part(kLarge, 1, start + 1500, start + 2250);
    profile.add_call("train", start, start + 3000);
  }
  return profile;
}

TEST(Profile, Table) {
  EXPECT_EQ(
      two_calls().table(),
      "2 calls, 3.0 us each, 2.0 us of them in kernels\n"
      " launches    us each   share threads   GFLOP/s     GB/s  kernel\n"
      "        2       1.50  75.0 %    1.50      2.67     0.67  train: contract at classes\n"
      "                                                          model.cpp:3, in classes\n"
      "        2       0.50  25.0 %    1.00         -     1.00  train: sum\n"
      "                                                          a.cpp:1; a.cpp:2; a.cpp:3; and 2 more\n");
}

TEST(Profile, TableOfNothing) {
  EXPECT_THAT(Profile().table(), testing::StartsWith("0 calls, 0.0 us each, 0.0 us of them in kernels\n"));
}

TEST(Profile, TraceEvents) {
  const auto trace = nlohmann::json::parse(two_calls().trace());
  std::vector<std::string> tracks;
  std::vector<std::tuple<std::string, int, double, double>> spans;
  for (const auto& event : trace.at("traceEvents")) {
    if (event.at("ph") == "M") {
      tracks.push_back(event.at("args").at("name"));
    } else {
      ASSERT_EQ(event.at("ph"), "X");
      spans.emplace_back(event.at("name"), event.at("tid"), event.at("ts"), event.at("dur"));
    }
  }
  EXPECT_THAT(tracks, testing::ElementsAre("calls and kernels", "thread 0", "thread 1"));
  ASSERT_EQ(spans.size(), 12u);
  spans.resize(6);
  EXPECT_THAT(spans, testing::ElementsAre(std::tuple("sum", 0, 0.0, 0.5), std::tuple("sum", 1, 0.0, 0.5),
                                          std::tuple("contract at classes", 0, 1.0, 1.5),
                                          std::tuple("contract at classes", 1, 1.0, 1.5),
                                          std::tuple("contract at classes", 2, 1.5, 0.75),
                                          std::tuple("train", 0, 0.0, 3.0)));
}

TEST(Profile, TraceIsBounded) {
  Profile profile;
  for (size_t i = 0; i < Profile::kMostSpans + 10; ++i) {
    profile.add_launch(kSmall, static_cast<int64_t>(i), static_cast<int64_t>(i) + 1);
  }
  const std::string trace = profile.trace();
  size_t spans = 0;
  for (size_t at = 0; (at = trace.find(R"("ph": "X")", at)) != std::string::npos; ++at) ++spans;
  EXPECT_EQ(spans, Profile::kMostSpans);
  EXPECT_THAT(profile.table(), testing::HasSubstr("   200010 "));
}

}  // namespace
}  // namespace sinter::runtime
