#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sinter/sinter.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "frontend/report/page.h"
#include "frontend/report/texts.h"
#include "tests/support/message_of.h"
#include "tests/tools/program.h"

namespace sinter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::ordered_json;

struct Mlp : nn::Module {
  nn::Linear hidden{*this, "hidden", 8, 16};
  nn::Linear classes{*this, "classes", 16, 4};

  Tensor operator()(const Tensor& x) { return classes(tanh(hidden(x))); }
};

class ReportTest : public ProgramTest {
 protected:
  ReportTest() {
    program_.add("train", {{"x", f32, {32, 8}}, {"label", i32, {32}}},
                 [&](const Inputs& in) -> Outputs {
                   return {{"loss", optimizer_.minimize(cross_entropy(model_(in["x"]), in["label"])).loss}};
                 },
                 {.training = true});
    program_.add("predict", {{"x", f32, {32, 8}}}, [&](const Inputs& in) -> Outputs {
      return {{"scores", model_(in["x"])}};
    });
  }

  void compile(const std::string& device = "cpu") { program_.compile({.device = device, .threads = 1}); }
  Json report(const ReportOptions& options = {}) {
    program_.report(path("report.html"), options);
    return reports_of_page(runtime::read_file(path("report.html")), "report.html").at(0);
  }

  Mlp model_;
  AdamW optimizer_;
  Program program_;
};

std::vector<std::string> names(const Json& list) {
  std::vector<std::string> all;
  for (const Json& each : list) all.push_back(each.at("name"));
  return all;
}

TEST_F(ReportTest, HasWhatTheCompilerMade) {
  compile();
  const Json all = report();
  EXPECT_EQ(all.at("title"), "train, predict");
  EXPECT_EQ(all.at("device"), "cpu");
  EXPECT_THAT(names(all.at("functions")), ElementsAre("train", "predict"));
  const Json& predict = all.at("functions")[1];
  EXPECT_THAT(names(predict.at("inputs")), ElementsAre("x"));
  ASSERT_FALSE(predict.at("kernels").empty());
  const Json& kernel = predict.at("kernels")[0];
  EXPECT_THAT(program_.explain("predict"), HasSubstr(kernel.at("name").get<std::string>()));
  EXPECT_EQ(kernel.at("anchor"), "contract");
  EXPECT_FALSE(kernel.at("choices").empty());
  EXPECT_GT(kernel.at("flops"), 0.);
  EXPECT_FALSE(kernel.contains("time"));
  const Json& op =
      *std::ranges::find_if(kernel.at("ops"), [](const Json& each) { return each.at("op") == "tanh"; });
  EXPECT_EQ(op.at("place"), "report_test.cc:24");
  EXPECT_EQ(op.at("module"), "");
  EXPECT_EQ(all.at("lines").at("report_test.cc:24"),
            "Tensor operator()(const Tensor& x) { return classes(tanh(hidden(x))); }");
  const auto text = [&](const char* kind) {
    return all.at("texts")[kernel.at("texts").at(kind).get<size_t>()].get<std::string>();
  };
  EXPECT_THAT(text("loops"), HasSubstr("kernel"));
  EXPECT_THAT(text("llvm"), HasSubstr("define"));
  EXPECT_THAT(text("asm"), HasSubstr("vmovups"));
}

TEST_F(ReportTest, SaysWhatLiesWhereAndWhen) {
  compile();
  const Json train = report().at("functions")[0];
  int64_t alive = 0;
  for (const Json& slot : train.at("slots")) {
    if (slot.at("kind") != "arena") continue;
    EXPECT_LE(slot.at("first"), slot.at("last"));
    EXPECT_LE(slot.at("offset").get<int64_t>() + slot.at("bytes").get<int64_t>(), train.at("arena"));
    ++alive;
  }
  EXPECT_GT(alive, 0);
  const Json& launches = train.at("launches");
  for (size_t i = 0; i < launches.size(); ++i) {
    EXPECT_EQ(launches[i].at("step"), i + 1);
    EXPECT_EQ(launches[i].at("kernel"), i);
  }
}

TEST_F(ReportTest, HasTimesWhereAProfileRan) {
  compile();
  program_.start_profile();
  const Arrays inputs = {{"x", Array(f32, {32, 8})}};
  for (int i = 0; i < 3; ++i) program_.run("predict", inputs);
  const Json all = report({.functions = {"predict", "train"}});
  EXPECT_THAT(names(all.at("functions")), ElementsAre("predict", "train"));
  for (const Json& kernel : all.at("functions")[0].at("kernels")) {
    EXPECT_EQ(kernel.at("time").at("launches"), 3);
    EXPECT_GT(kernel.at("time").at("nanoseconds"), 0);
  }
  for (const Json& kernel : all.at("functions")[1].at("kernels")) EXPECT_FALSE(kernel.contains("time"));
}

TEST_F(ReportTest, CountsLaunchesOfLoops) {
  Program program;
  program.add("loop", {{"x", f32, {6, 4}}}, [](const Inputs& in) -> Outputs {
    const ScanStep sums =
        scan({zeros({4})}, {in["x"]}, [](const auto& carries, const auto& inputs) -> ScanStep {
          const Tensor sum = carries[0] * 0.5f + inputs[0];
          return {{sum}, {tanh(sum)}};
        });
    return {{"last", sums.carries[0]}, {"all", sums.outputs[0]}};
  });
  program.compile({.threads = 1});
  program.report(path("loop.html"));
  const Json loop =
      reports_of_page(runtime::read_file(path("loop.html")), "loop.html").at(0).at("functions")[0];
  bool repeats = false;
  for (const Json& kernel : loop.at("kernels")) {
    repeats = repeats || kernel.at("launches") == 6;
    EXPECT_FALSE(kernel.at("arguments").empty());
  }
  EXPECT_TRUE(repeats);
}

TEST_F(ReportTest, HasTheCodeOfItsDevice) {
  compile("vulkan");
  const Json all = report({.functions = {"predict"}});
  const Json& texts = all.at("functions")[0].at("kernels")[0].at("texts");
  EXPECT_THAT(all.at("texts")[texts.at("glsl").get<size_t>()], HasSubstr("void main()"));
  EXPECT_FALSE(texts.contains("asm"));
}

TEST_F(ReportTest, HasWhatTheProgramAdds) {
  compile();
  const ReportHeatMaps maps{.name = "attention",
                            .rows = {"a", "b"},
                            .columns = {"a", "b"},
                            .moments = {{"epoch 1", Array::from<float>({1, 0, .5, .5}, {1, 2, 2})}}};
  const Json all =
      report({.title = "mine", .curves = {{.name = "loss", .points = {{1, 2.5}}}}, .heat_maps = {maps}});
  EXPECT_EQ(all.at("title"), "mine");
  EXPECT_EQ(all.at("curves").dump(), R"([{"name":"loss","along":"epoch","points":[[1.0,2.5]]}])");
  EXPECT_EQ(all.at("heat_maps")[0].at("moments").dump(),
            R"([{"name":"epoch 1","maps":1,"values":[1.0,0.0,0.5,0.5]}])");
  ReportHeatMaps wrong = maps;
  wrong.rows.push_back("c");
  EXPECT_EQ(message_of([&] { report({.heat_maps = {wrong}}); }),
            "report: 'attention' of epoch 1 is [maps,3,2], got [1,2,2]");
}

TEST_F(ReportTest, SaysWhatIsWrong) {
  EXPECT_EQ(message_of([&] { report(); }), "report: compile the program first");
  compile();
  EXPECT_THAT(message_of([&] { report({.functions = {"fly"}}); }), HasSubstr("no function is called 'fly'"));
  EXPECT_THAT(message_of([&] { program_.report(path("no/such/folder.html")); }),
              HasSubstr("no/such/folder.html"));
}

TEST(ReportPage, ReadsBackWhateverTextsHold) {
  const std::vector<Json> reports = {{{"text", "</script><!-- <b> \\u003c/ \n"}}, {{"text", "ä"}}};
  const std::string page = report_page(reports);
  EXPECT_EQ(reports_of_page(page, "page.html"), reports);
  EXPECT_EQ(page.find("</script><!--"), std::string::npos);
  EXPECT_EQ(message_of([] { reports_of_page("<html>", "other.html"); }), "other.html is no report");
}

// It asks nothing of anybody, and a browser would refuse it.
TEST(ReportPage, IsOneFile) {
  const std::string page = report_page({});
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  for (const char* asks : {"src=\"", "href=\"", "@import", "url(\"", "fetch(", "import("}) {
    EXPECT_EQ(page.find(asks), std::string::npos) << asks;
  }
}

TEST(ReportPage, HasAColourForEachKindOfKernel) {
  const std::string page = report_page({});
#define SINTER_ANCHOR(name, ...) EXPECT_THAT(page, HasSubstr("\n  " #name ": '#"));
#include "ir/graph/anchors.def"
#undef SINTER_ANCHOR
}

TEST_F(ReportTest, ShowsSourcesThatCanBeRead) {
  write("model.cc", "\n  y = tanh(x);  \r\n\n");
  write(
      "f.sg",
      "func @f(%x: f32[4]) {\n  %0: f32[4] = tanh %x @\"model.cc\":2\n  %1: f32[4] = exp %0 @\"model.cc\":3\n"
      "  %2: f32[4] = neg %1 @\"model.cc\":9\n  %3: f32[4] = sin %2 @\"other.cc\":1\n  return y=%3\n}\n");
  const ProgramResult made = run("sinter-opt", "--emit=html f.sg");
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(reports_of_page(made.out, "f.html").at(0).at("lines").dump(), R"({"model.cc:2":"y = tanh(x);"})");
}

TEST(ReportTexts, AreKeptOnceAndCut) {
  ReportTexts texts;
  EXPECT_EQ(texts.add("one\n"), 0u);
  EXPECT_EQ(texts.add("two\n"), 1u);
  EXPECT_EQ(texts.add("one\n"), 0u);
  std::string text;
  while (text.size() <= 2 * ReportTexts::kMost) text += "a line\n";
  const std::string& cut = texts.all()[texts.add(text)];
  EXPECT_LT(cut.size(), ReportTexts::kMost + 200);
  const auto lines = std::ranges::count(text, '\n') - std::ranges::count(cut, '\n') + 1;
  EXPECT_THAT(
      cut, HasSubstr(fmt::format("a line\n... and {} lines more: the report has the first 48 KiB", lines)));
}

TEST_F(ReportTest, IsPrintedAndComparedBySinterOpt) {
  compile();
  write("predict.sg", program_.text("predict"));
  ASSERT_EQ(run("sinter-opt", "--emit=html predict.sg").status, 0);
  write("fused.html", runtime::read_file(path(".stdout")));
  const ProgramResult apart = run("sinter-opt", "--emit=html --fuse=off predict.sg");
  ASSERT_EQ(apart.status, 0) << apart.err;
  write("apart.html", apart.out);
  const ProgramResult both = run("sinter-opt", "--compare fused.html apart.html");
  ASSERT_EQ(both.status, 0) << both.err;
  const auto reports = reports_of_page(both.out, "both");
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_LT(reports[0].at("functions")[0].at("kernels").size(),
            reports[1].at("functions")[0].at("kernels").size());
  const ProgramResult no_report = run("sinter-opt", "--compare fused.html predict.sg");
  EXPECT_EQ(no_report.status, 1);
  EXPECT_EQ(no_report.err, "sinter-opt: predict.sg is no report\n");
}

}  // namespace
}  // namespace sinter
