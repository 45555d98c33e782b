// Reports of the examples in a browser, used as people do.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sinter/sinter.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "tests/report/browser.h"
#include "tests/tools/program.h"

namespace sinter {
namespace {

using test::Browser;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kUsableWithin = 2;  // seconds

// SINTER_SCREENSHOTS=docs/images has the tests write the pictures of docs/report.md there.
class ReportPageTest : public ProgramTest {
 protected:
  void SetUp() override {
    if (Browser::executable().empty()) GTEST_SKIP() << "no Chromium";
  }
  void TearDown() override {
    if (browser_) {
      EXPECT_THAT(browser_->problems(), IsEmpty());
      EXPECT_EQ(browser_->text("#failure"), "");
    }
    browser_.reset();
  }

  Browser& opened(const std::string& file) {
    browser_.emplace(path("chromium"));
    EXPECT_LT(browser_->open(path(file)), kUsableWithin);
    return *browser_;
  }
  void made_by(const std::string& program, const std::string& arguments) {
    const ProgramResult result = run(program, arguments);
    ASSERT_EQ(result.status, 0) << result.err;
  }
  void take_picture(const std::string& name) {
    if (const char* folder = std::getenv("SINTER_SCREENSHOTS"))
      browser_->screenshot(fmt::format("{}/report_{}.png", folder, name));
  }
  void show_tab(const std::string& name) { browser_->click(fmt::format("[data-tab='{}']", name)); }

  // Modules as boxes, then their kernels.
  static void expect_folds(Browser& page) {
    page.click("#graph-tools button:nth-child(1)");
    const int64_t folded = page.count(".box");
    EXPECT_GT(page.count(".box.folded"), 0);
    page.click("#graph-tools button:nth-child(2)");
    EXPECT_EQ(page.count(".box.folded"), 0);
    EXPECT_GT(page.count(".box"), folded);
  }

  std::optional<Browser> browser_;
};

TEST_F(ReportPageTest, ShowsTheAttentionClassifier) {
  made_by("attention_classifier", "train --epochs 3 --threads 1 --report report.html");
  Browser& page = opened("report.html");
  EXPECT_EQ(page.text("#title"), "attention classifier");

  // Folds and unfolds.
  const int64_t boxes = page.count(".box");
  page.click("#graph-tools button:nth-child(1)");
  EXPECT_LT(page.count(".box"), boxes);
  EXPECT_EQ(page.count(".box.kernel[data-kernel='5']"), 0);
  page.click("#graph-tools button:nth-child(2)");
  EXPECT_GT(page.count(".box"), boxes);
  EXPECT_EQ(page.count(".box.folded"), 0);
  const int64_t unfolded = page.count(".box");
  page.click(".cluster[data-group$='feed_forward'] text");
  EXPECT_LT(page.count(".box"), unfolded);
  page.click(".box.folded");
  EXPECT_EQ(page.count(".box"), unfolded);
  page.click("#graph-tools button:nth-child(1)");

  // What is searched is found, shown where it was folded away, and has its code.
  page.write("#search-text", "softmax attention model.cc");
  EXPECT_GT(page.count("#search-results li"), 0);
  page.click("#search-results li");
  EXPECT_EQ(page.count(".box.kernel.selected"), 1);
  EXPECT_THAT(page.text("#kernel h1"), HasSubstr("attention"));
  EXPECT_THAT(page.text("#kernel .ops"), HasSubstr("softmax"));
  EXPECT_THAT(page.text("#kernel .ops"), HasSubstr("model.cc:"));
  EXPECT_THAT(page.text("#kernel pre.source"), HasSubstr("model.attend("));
  EXPECT_THAT(page.text("#kernel .ops .source"), HasSubstr("model.attend("));
  EXPECT_THAT(page.text("#kernel .figures"), HasSubstr("of the roof"));
  EXPECT_THAT(page.text("#code"), HasSubstr("parallel for"));
  page.click("[data-kind='llvm']");
  EXPECT_THAT(page.text("#code"), HasSubstr("define"));
  page.click("[data-kind='asm']");
  EXPECT_THAT(page.text("#code"), HasSubstr("vmovups"));
  page.click("[data-kind='loops']");
  take_picture("graph");

  // It is dragged.
  const std::string transform = "document.querySelector('#graph > g').getAttribute('transform')";
  const auto before = page.evaluate(transform);
  page.drag("#graph", 60, 40);
  EXPECT_NE(page.evaluate(transform), before);

  show_tab("Kernels");
  EXPECT_EQ(page.count("#kernels tr.selected"), 1);
  EXPECT_GT(page.count("circle[data-kernel]"), 20);
  page.click("#kernel .close");
  take_picture("kernels");
  show_tab("Memory");
  EXPECT_GT(page.count(".life"), 20);
  EXPECT_THAT(page.text("#alive"), HasSubstr("model.cc:"));
  EXPECT_NE(page.text("#alive .mono"), "");
  take_picture("memory");
  show_tab("Training");
  EXPECT_EQ(page.count("svg.chart"), 3);
  EXPECT_EQ(page.count("svg.chart circle"), 9);

  // Each head over the words, and what came of it since before training.
  show_tab("Attention");
  EXPECT_EQ(page.count(".maps svg"), 4);
  EXPECT_EQ(page.text("section .row b"), "epoch 3");
  take_picture("attention");
  page.evaluate(
      "(() => { const choice = document.querySelector('section select');"
      " choice.value = 'first'; choice.dispatchEvent(new Event('change')); })()");
  EXPECT_THAT(page.text("section"), HasSubstr("blue is more than before"));
  EXPECT_THAT(page.text(".maps rect title"), HasSubstr("→"));
  page.evaluate(
      "(() => { const slider = document.querySelector('section input');"
      " slider.value = 0; slider.dispatchEvent(new Event('input')); })()");
  EXPECT_THAT(page.text(".maps rect title"), HasSubstr("0.000"));  // since itself

  // Another function.
  page.evaluate(
      "(() => { const choice = document.querySelector('#function-choice');"
      " choice.value = '2'; choice.dispatchEvent(new Event('change')); })()");
  show_tab("Kernels");
  EXPECT_THAT(page.text("#content"), HasSubstr("of predict"));
}

TEST_F(ReportPageTest, ShowsTheCharacterModel) {
  made_by("char_model",
          "train --steps 4 --every 2 --batch 4 --layers 2 --width 32 --heads 2 --context 16 --report "
          "report.html");
  Browser& page = opened("report.html");
  page.write("#search-text", "softmax blocks.1");
  page.click("#search-results li");
  page.click("[data-kind='llvm']");
  EXPECT_THAT(page.text("#code"), HasSubstr("define"));
  take_picture("char_model");
  expect_folds(page);
  show_tab("Training");
  EXPECT_EQ(page.count("svg.chart"), 2);
  page.write("#search-text", "no such thing");
  EXPECT_THAT(page.text("#search-results"), HasSubstr("no kernel has all of these words"));
}

TEST_F(ReportPageTest, ShowsTheImageClassifier) {
  Array images(i32, {40, 8, 8}), labels(i32, {40});
  for (int64_t i = 0; i < 40; ++i) {
    labels.data<int32_t>()[i] = static_cast<int32_t>(i % 2);
    for (int64_t j = 0; j < 8; ++j) images.data<int32_t>()[i * 64 + (i % 2 == 0 ? 24 + j : j * 8 + 3)] = 16;
  }
  save_npy(path("images.npy"), images);
  save_npy(path("labels.npy"), labels);
  made_by("image_classifier",
          "--images images.npy --labels labels.npy --held-out 8 --epochs 2 --batch 8 --report report.html");
  Browser& page = opened("report.html");
  page.write("#search-text", "contract");
  EXPECT_GT(page.count("#search-results li"), 1);
  page.click("#search-results li");
  page.click("[data-kind='asm']");
  EXPECT_THAT(page.text("#code"), HasSubstr("vmovups"));
  take_picture("image_classifier");
  expect_folds(page);
  show_tab("Memory");
  EXPECT_GT(page.count(".life"), 10);
}

TEST_F(ReportPageTest, IsSmallAndSoonThereForNanogpt) {
  made_by("sinter-bench", "nanogpt --seconds 0.05 --threads 1 --report report.html");
  EXPECT_LT(std::filesystem::file_size(path("report.html")), 3'000'000u);
  Browser& page = opened("report.html");
  take_picture("nanogpt");
  page.click("#graph-tools button:nth-child(2)");
  EXPECT_GT(page.count(".box.kernel"), 80);
}

TEST_F(ReportPageTest, ShowsTwoBesideEachOther) {
  made_by("sinter-bench", "rows --graph");
  write("graph.sg", runtime::read_file(path(".stdout")));
  made_by("sinter-opt", "--emit=html graph.sg");
  write("before.html", runtime::read_file(path(".stdout")));
  made_by("sinter-opt", "--emit=html --target=x86-64 graph.sg");
  write("after.html", runtime::read_file(path(".stdout")));
  made_by("sinter-opt", "--compare before.html after.html");
  write("both.html", runtime::read_file(path(".stdout")));
  Browser& page = opened("both.html");
  EXPECT_GT(page.count("#changes tr.changed"), 0);
  page.click("#changes tr.changed");
  EXPECT_EQ(page.count(".beside pre"), 2);
  EXPECT_NE(page.text(".beside > :first-child pre"), page.text(".beside > :last-child pre"));
  take_picture("compare");
}

}  // namespace
}  // namespace sinter
