#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/runtime/scratch_folder.h"
#include "tests/threads/served.h"
#include "tests/threads/together.h"

// Every call that a program offers once it is compiled, beside every other. Under the thread sanitizer this
// shows that no two of them touch the same memory unordered.
namespace sinter {
namespace {

struct PairsCall {
  std::string name;
  std::function<void(Served& served, int64_t fresh)>
      make;  // `fresh`: rows that no call has had before this pair
};

std::vector<PairsCall> every_call(const ScratchFolder& folder) {
  const std::string saved = folder.path("saved"), loaded = folder.path("loaded"),
                    trace = folder.path("trace");
  const auto text = [](auto method) {
    return [method](Served& served, int64_t) {
      Served::expect(!(served.program.*method)("score").empty(), "text");
    };
  };
  return {
      {"train", [](Served& s, int64_t) { s.train(); }},
      {"score", [](Served& s, int64_t) { s.score(Served::kUsual); }},
      {"score of new size", [](Served& s, int64_t fresh) { s.score(fresh); }},
      {"train of new size",
       [](Served& s, int64_t fresh) {
         Function step = s.program.function("train", {{"rows", fresh}});
         step.run();
       }},
      {"product", [](Served& s, int64_t) { s.product(Served::kUsual, 3); }},
      {"Function",
       [](Served& s, int64_t) {
         Function total = s.program.function("total");
         total.set_input("x", Served::filled(Served::kUsual, 8, 2));
         total.run();
         Served::expect(total.value<float>("y") == 64, "total");
       }},
      {"Function in two parts",
       [](Served& s, int64_t) {
         Function step = s.program.function("train"), total = s.program.function("total");
         total.bind("x", s.program.upload(Served::filled(Served::kUsual, 8, 2)));
         step.start();
         total.start();
         step.wait();
         total.wait();
         Served::expect(total.value<float>("y") == 64, "total");
       }},
      {"upload",
       [](Served& s, int64_t) {
         const Array x = s.program.upload(Served::filled(Served::kUsual, 8, 3));
         Served::check_product(s.program.run("product", {{"x", x}}).at("y"), 3);
       }},
      {"functions",
       [](Served& s, int64_t) { Served::expect(s.program.functions().size() == 4, "functions"); }},
      {"states", [](Served& s, int64_t) { Served::expect(s.program.states().size() == 9, "states"); }},
      {"state", [](Served& s, int64_t) { Served::expect(s.program.state("first").size() == 64, "state"); }},
      {"set_state",
       [](Served& s, int64_t) {
         s.program.set_state("layer.bias", Array::from<float>({1, 2, 3}, {3}));
       }},
      {"snapshot", [](Served& s, int64_t) { s.snapshot(); }},
      {"step", [](Served& s, int64_t) { Served::expect(s.program.step() < 1'000'000, "step"); }},
      {"set_step", [](Served& s, int64_t) { s.program.set_step(7); }},
      {"save", [saved](Served& s, int64_t) { s.program.save(saved); }},
      {"load", [loaded](Served& s, int64_t) { s.program.load(loaded); }},
      {"check", [](Served& s, int64_t) { Served::expect(s.program.check().disagreement.empty(), "check"); }},
      {"start_profile", [](Served& s, int64_t) { s.program.start_profile(); }},
      {"profile", [](Served& s, int64_t) { Served::expect(!s.program.profile().empty(), "profile"); }},
      {"save_trace", [trace](Served& s, int64_t) { s.program.save_trace(trace); }},
      {"text", [](Served& s, int64_t) { Served::expect(!s.program.text("score").empty(), "text"); }},
      {"explain", text(&Program::explain)},
      {"memory", text(&Program::memory)},
  };
}

void run_pairs(const std::string& device) {
  const ScratchFolder folder;
  Served served(device);
  served.train();
  served.program.save(folder.path("loaded"));
  served.program.start_profile();
  const std::vector<PairsCall> calls = every_call(folder);
  int64_t fresh = Served::kUsual;
  for (size_t i = 0; i < calls.size(); ++i) {
    for (size_t j = 0; j <= i; ++j) {
      ++fresh;
      const auto one = [&] { calls[i].make(served, fresh); };
      const auto other = [&] { calls[j].make(served, fresh); };
      EXPECT_EQ(together({one, other}, 1), "") << calls[i].name << " beside " << calls[j].name;
    }
  }
  EXPECT_EQ(together({[&] { served.snapshot(); }}, 1), "");
}

TEST(Pairs, OfAllCallsOnTheReference) {
  run_pairs("reference");
}
TEST(Pairs, OfAllCallsOnTheCpu) {
  run_pairs("cpu");
}
TEST(Pairs, OfAllCallsOnVulkan) {
  run_pairs("vulkan");
}

}  // namespace
}  // namespace sinter
