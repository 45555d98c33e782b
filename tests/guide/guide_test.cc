#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "runtime/file.h"
#include "tests/guide/expect_prints.h"
#include "tests/guide/page/page.h"
#include "tests/runtime/scratch_folder.h"

namespace sinter::guide {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path kGuide = fs::path(SINTER_SOURCE_DIR) / "docs/guide";

// What a program prints in an empty folder, between the ends of outputs; last what comes after them.
std::vector<std::string> printed_by(void (*program)()) {
  const ScratchFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path(""));
  testing::internal::CaptureStdout();
  std::string failure;
  try {
    program();
  } catch (const std::exception& error) {
    failure = error.what();
  }
  std::string rest = testing::internal::GetCapturedStdout();
  fs::current_path(before);
  EXPECT_THAT(failure, IsEmpty());
  std::vector<std::string> outputs;
  const std::string end = kEndOfOutput;
  for (size_t at; (at = rest.find(end)) != std::string::npos; rest.erase(0, at + end.size()))
    outputs.push_back(rest.substr(0, at));
  outputs.push_back(rest);
  return outputs;
}

// What is wrong with what a page shows of `outputs`, the last of which no block shows.
std::vector<std::string> differences(const std::string& page, const std::vector<std::string>& outputs) {
  std::vector<std::string> found;
  size_t next = 0;
  for (const Piece& piece : pieces_of(page)) {
    if (piece.kind != Piece::Kind::output) continue;
    const std::string output = next + 1 < outputs.size() ? outputs[next] : "nothing: it has ended\n";
    if (!is_shown(piece.text, output))
      found.push_back("line " + std::to_string(piece.line) + " shows\n" + piece.text + "printed was\n" +
                      output);
    ++next;
  }
  if (!outputs.back().empty()) found.push_back("not shown is\n" + outputs.back());
  return found;
}

// The page with `outputs` in place of the texts that differ.
std::string rewritten(const std::string& page, const std::vector<std::string>& outputs) {
  std::string text = page;
  size_t next = 0, at = 0;
  for (const Piece& piece : pieces_of(page)) {
    if (piece.kind != Piece::Kind::output) continue;
    at = text.find("```text\n", at) + 8;
    if (next + 1 < outputs.size() && !is_shown(piece.text, outputs[next]))
      text.replace(at, piece.text.size(), outputs[next]);
    ++next;
  }
  return text;
}

}  // namespace

void expect_prints(const std::string& name, void (*program)()) {
  const std::string file = name + ".md";
  const std::string path = (name == "README" ? fs::path(SINTER_SOURCE_DIR) / file : kGuide / file).string();
  const std::string page = runtime::read_file(path);
  const std::vector<std::string> outputs = printed_by(program);
  if (std::getenv("SINTER_REWRITE_GUIDE") != nullptr) {
    std::ofstream(path) << rewritten(page, outputs);
    return;
  }
  for (const std::string& difference : differences(page, outputs))
    ADD_FAILURE() << name << ".md: " << difference;
}

namespace {

TEST(GuidePage, FailsWhereWhatItShowsIsNotWhatIsPrinted) {
  const std::string page = "```cpp\nf();\n```\n```text\n1\n2\n```\n<!-- cpp\ng();\n-->\n```text\n3\n```\n";
  EXPECT_THAT(differences(page, {"1\n2\n", "3\n", ""}), IsEmpty());
  EXPECT_THAT(differences(page, {"1\n5\n", "3\n", ""}),
              testing::ElementsAre("line 5 shows\n1\n2\nprinted was\n1\n5\n"));
  EXPECT_THAT(differences(page, {"1\n2\n", ""}), testing::ElementsAre(HasSubstr("nothing")));
  EXPECT_THAT(differences(page, {"1\n2\n", "3\n", "4\n"}), testing::ElementsAre("not shown is\n4\n"));
  EXPECT_EQ(rewritten(page, {"1\n5\n", "3\n", ""}),
            "```cpp\nf();\n```\n```text\n1\n5\n```\n<!-- cpp\ng();\n-->\n```text\n3\n```\n");
}

TEST(GuidePage, LeavesOutWithDots) {
  EXPECT_TRUE(is_shown("a ... c\n", "a b c\n"));
  EXPECT_FALSE(is_shown("a ... c\n", "a b d\n"));
  EXPECT_TRUE(is_shown("a\n...\nd\n", "a\nb\nc\nd\n"));
  EXPECT_FALSE(is_shown("a\n...\nd\n", "a\nb\nc\n"));
}

TEST(GuidePage, IsAProgramInTheOrderOfItsBlocks) {
  const std::string source =
      source_of("page", "```cpp\n#include <map>\nint main() {\n  f();\n}\n```\n```text\n```\n");
  EXPECT_LT(source.find("#include <map>"), source.find("void guide_page() {"));
  EXPECT_THAT(source_of("page", "```c f.c\nf();\n```\n"),
              HasSubstr("std::ofstream(\"f.c\") << R\"guide(f();\n)guide\";"));
  EXPECT_THAT(source, HasSubstr("#line 2 \"page.md\"\n\n{\n  f();\n}\n"));
  EXPECT_THAT([] { pieces_of("```cpp\n"); },
              testing::ThrowsMessage<std::runtime_error>("line 1: a block has no end"));
}

TEST(Guide, ListsEveryPage) {
  const std::string list = runtime::read_file((kGuide / "README.md").string());
  for (const fs::directory_entry& entry : fs::directory_iterator(kGuide)) {
    const std::string file = entry.path().filename().string();
    if (file == "README.md") continue;
    EXPECT_THAT(list, HasSubstr("(" + file + ")"));
  }
}

TEST(Guide, TriesEveryOperator) {
  const std::regex declaration(
      "\n(?:inline )?(?:Tensor|TopK|Sorted|RunningExtreme|ScanStep|std::vector<Tensor>) ([a-z]\\w*)\\(");
  const std::string page = runtime::read_file((kGuide / "operators.md").string());
  for (const char* header :
       {"control", "elementwise", "functional", "indexing", "losses", "nn/positions", "nn/resampling",
        "nn/sampling", "nn/windows", "reductions", "sources", "views"}) {
    const std::string text =
        runtime::read_file(std::string(SINTER_SOURCE_DIR) + "/frontend/include/sinter/" + header + ".h");
    for (std::sregex_iterator match(text.begin(), text.end(), declaration), end; match != end; ++match) {
      const std::string name = (*match)[1].str();
      if (name == "composite") continue;  // which the others are written with
      EXPECT_THAT(page, HasSubstr(name + "(")) << header << ".h";
    }
  }
}

TEST(Guide, ShowsEveryLayer) {
  const std::regex constructor("\n +(?:explicit )?(\\w+)\\(Module& owner, Name name");
  const std::string page = runtime::read_file((kGuide / "layers.md").string());
  const fs::path headers = fs::path(SINTER_SOURCE_DIR) / "frontend/include/sinter/nn";
  for (const fs::directory_entry& entry : fs::directory_iterator(headers)) {
    const std::string header = entry.path().filename().string();
    if (header == "module.h" || header == "key_value_cache.h") continue;
    const std::string text = runtime::read_file(entry.path().string());
    for (std::sregex_iterator match(text.begin(), text.end(), constructor), end; match != end; ++match) {
      const std::string name = (*match)[1].str();
      if (name == "Recurrent" || name == "RecurrentCell") continue;  // parts of GRU and LSTM
      EXPECT_THAT(page, HasSubstr(name)) << header;
    }
  }
}

TEST(Guide, LinksToWhatIsThere) {
  const std::regex link("\\]\\(([^)#: ]+)(#[^)]*)?\\)");
  for (const fs::directory_entry& entry : fs::directory_iterator(kGuide)) {
    const std::string page = runtime::read_file(entry.path().string());
    for (std::sregex_iterator match(page.begin(), page.end(), link), end; match != end; ++match)
      EXPECT_TRUE(fs::exists(kGuide / (*match)[1].str())) << entry.path().filename() << ": " << match->str();
  }
}

}  // namespace
}  // namespace sinter::guide
