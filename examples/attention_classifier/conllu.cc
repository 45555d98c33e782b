#include "examples/attention_classifier/conllu.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "examples/attention_classifier/utf8.h"
#include "runtime/error.h"
#include "runtime/file.h"

namespace attention_classifier {
namespace {

struct PartOfSpeech {
  std::string_view name;
  WordClass word_class;
};
constexpr std::array<PartOfSpeech, 17> kPartsOfSpeech = {{{"NOUN", WordClass::noun},
                                                          {"PROPN", WordClass::noun},
                                                          {"PRON", WordClass::noun},
                                                          {"VERB", WordClass::verb},
                                                          {"AUX", WordClass::verb},
                                                          {"ADJ", WordClass::modifier},
                                                          {"ADV", WordClass::modifier},
                                                          {"NUM", WordClass::modifier},
                                                          {"ADP", WordClass::function},
                                                          {"DET", WordClass::function},
                                                          {"PART", WordClass::function},
                                                          {"CCONJ", WordClass::function},
                                                          {"SCONJ", WordClass::function},
                                                          {"PUNCT", WordClass::other},
                                                          {"SYM", WordClass::other},
                                                          {"INTJ", WordClass::other},
                                                          {"X", WordClass::other}}};

std::optional<WordClass> class_of(std::string_view part_of_speech) {
  for (const PartOfSpeech& row : kPartsOfSpeech) {
    if (row.name == part_of_speech) return row.word_class;
  }
  return std::nullopt;
}

std::string_view take_until(char separator, std::string_view& rest) {
  const size_t end = rest.find(separator);
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return taken;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

enum class Id { word, left_out, bad };

Id kind_of_id(std::string_view id) {
  if (is_number(id)) return Id::word;
  const size_t middle = id.find_first_of("-.");
  if (middle == std::string_view::npos) return Id::bad;
  return is_number(id.substr(0, middle)) && is_number(id.substr(middle + 1)) ? Id::left_out : Id::bad;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  std::vector<Sentence> read() {
    const std::string file = sinter::runtime::read_file(path_);
    std::string_view rest = file;
    while (!rest.empty()) {
      ++line_number_;
      std::string_view line = take_until('\n', rest);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.empty()) {
        end_sentence();
      } else if (line[0] != '#') {
        add_word(line);
      }
    }
    end_sentence();
    if (sentences_.empty()) throw sinter::RuntimeError(fmt::format("{}: no sentences", path_));
    return std::move(sentences_);
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw sinter::RuntimeError(fmt::format("{}:{}: {}", path_, line_number_, what));
  }

  void add_word(std::string_view line) {
    constexpr size_t kColumns = 10;
    const size_t count = 1 + static_cast<size_t>(std::count(line.begin(), line.end(), '\t'));
    if (count != kColumns) fail(fmt::format("expected {} tab-separated columns, got {}", kColumns, count));
    if (!is_utf8(line)) fail("the line is not UTF-8");
    std::array<std::string_view, kColumns> columns;
    for (std::string_view& column : columns) column = take_until('\t', line);

    const Id kind = kind_of_id(columns[0]);
    if (kind == Id::bad) fail(fmt::format("bad id '{}'", columns[0]));
    if (kind == Id::left_out) return;
    const std::optional<WordClass> word_class = class_of(columns[3]);
    if (!word_class) fail(fmt::format("unknown UPOS '{}'", columns[3]));
    if (columns[1].empty()) fail("the word is empty");
    sentence_.push_back({std::string(columns[1]), *word_class});
  }

  void end_sentence() {
    if (!sentence_.empty()) sentences_.push_back(std::exchange(sentence_, {}));
  }

  const std::string& path_;
  int line_number_ = 0;
  Sentence sentence_;
  std::vector<Sentence> sentences_;
};

}  // namespace

std::vector<Sentence> read_conllu(const std::string& path) {
  return Reader(path).read();
}

}  // namespace attention_classifier
