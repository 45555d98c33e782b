#include "examples/attention_classifier/generated_language.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "runtime/random.h"

namespace attention_classifier {
namespace {

constexpr size_t kLongestSentence = 10;
constexpr uint32_t kLanguageKey = 0x6c616e67;  // "lang"

using Words = std::span<const std::string_view>;

constexpr std::string_view kNounOrVerb[] = {"run",   "walk",   "play",  "work",  "plan",  "talk",
                                            "dream", "answer", "race",  "dance", "visit", "search",
                                            "drink", "march",  "fight", "cook",  "paint", "laugh",
                                            "ride",  "climb",  "swim",  "watch", "rest",  "travel"};
constexpr std::string_view kNouns[] = {"river",  "garden", "teacher", "window",
                                       "letter", "summer", "village", "doctor"};
constexpr std::string_view kVerbs[] = {"find",   "bring",  "sing",  "write",
                                       "choose", "forget", "carry", "enjoy"};
constexpr std::string_view kModifierOrNoun[] = {"light", "cold",  "square", "round", "secret",
                                                "novel", "sweet", "human",  "plain", "final"};
constexpr std::string_view kAdverbs[] = {"almost", "only", "just",   "barely",
                                         "truly",  "once", "hardly", "even"};
constexpr std::string_view kAdjectives[] = {"good", "hard", "fun", "easy"};
constexpr std::string_view kTimes[] = {"now", "today", "again", "soon"};
constexpr std::string_view kDeterminers[] = {"the", "a", "this", "every", "no", "some"};
constexpr std::string_view kPronouns[] = {"i", "you", "we", "they"};
constexpr std::string_view kModals[] = {"will", "can", "must", "should"};
constexpr std::string_view kCopulas[] = {"are", "were", "seem", "became"};
constexpr std::string_view kConjunctions[] = {"and", "or"};
constexpr std::string_view kPrepositions[] = {"in", "on", "near", "with", "under", "like"};
constexpr std::string_view kEnds[] = {".", "!"};

// Draws one sentence after the other.
class Grammar {
 public:
  // Sentences of the two sets come from different streams.
  Grammar(uint64_t seed, uint32_t set) : stream_{seed, set, kLanguageKey} {}

  Sentence sentence() {
    do {
      sentence_.clear();
      if (chance(0.1)) {
        add("well", WordClass::other);
        add(",", WordClass::other);
      }
      const double kind = uniform();
      if (kind < 0.3) {
        statement();
      } else if (kind < 0.45) {
        question();
      } else if (kind < 0.75) {
        list_after_its_key();
      } else {
        list_before_its_key();
      }
    } while (sentence_.size() > kLongestSentence);
    return sentence_;
  }

 private:
  // They barely run and play the light walk near a river well.
  void statement() {
    if (chance(0.3)) {
      noun_phrase();
      pick(kModals, WordClass::verb);
    } else if (chance(0.5)) {
      pick(kPronouns, WordClass::noun);
    } else {
      pick(kPronouns, WordClass::noun);
      pick(kModals, WordClass::verb);
    }
    verb_and_object();
    if (chance(0.4)) {
      pick(kPrepositions, WordClass::function);
      noun_phrase();
    }
    if (chance(0.2)) add("well", WordClass::modifier);
    pick(kEnds, WordClass::other);
  }

  // Will they only watch this almost sweet dream?
  void question() {
    pick(kModals, WordClass::verb);
    if (chance(0.6)) {
      pick(kPronouns, WordClass::noun);
    } else {
      noun_phrase();
      // Without it, nothing would tell where the noun phrase ends.
      add("not", WordClass::function);
    }
    verb_and_object();
    add("?", WordClass::other);
  }

  // No run, walk or dream! Please run, walk or dream!
  void list_after_its_key() {
    const bool nouns = chance(0.5);
    if (nouns) {
      pick(kDeterminers, WordClass::function);
    } else {
      add("please", WordClass::other);
    }
    adverbs(2);
    list(nouns);
    pick(kEnds, WordClass::other);
  }

  // Run, walk and dream are hard. Run, walk and dream again.
  void list_before_its_key() {
    const bool nouns = chance(0.5);
    list(nouns);
    adverbs(2);
    if (nouns) {
      pick(kCopulas, WordClass::verb);
      pick(kAdjectives, WordClass::modifier);
    } else {
      pick(kTimes, WordClass::modifier);
    }
    pick(kEnds, WordClass::other);
  }

  // Two to four nouns or verbs, all ambiguous.
  void list(bool nouns) {
    const WordClass word_class = nouns ? WordClass::noun : WordClass::verb;
    pick(kNounOrVerb, word_class);
    for (size_t more = below(3); more > 0; --more) {
      add(",", WordClass::other);
      pick(kNounOrVerb, word_class);
    }
    pick(kConjunctions, WordClass::function);
    pick(kNounOrVerb, word_class);
  }

  void verb_and_object() {
    adverbs(3);
    verb();
    if (chance(0.25)) {
      pick(kConjunctions, WordClass::function);
      verb();
    }
    noun_phrase();
  }

  void verb() {
    const double kind = uniform();
    if (kind < 0.1) {
      add("like", WordClass::verb);
    } else {
      pick(kind < 0.2 ? Words(kVerbs) : Words(kNounOrVerb), WordClass::verb);
    }
  }

  void noun_phrase() {
    pick(kDeterminers, WordClass::function);
    adverbs(2);
    if (chance(0.3)) pick(kModifierOrNoun, WordClass::modifier);
    const double kind = uniform();
    pick(kind < 0.15   ? Words(kNouns)
         : kind < 0.35 ? Words(kModifierOrNoun)
                       : Words(kNounOrVerb),
         WordClass::noun);
  }

  // They stand before nouns and verbs alike and tell nothing: up to `most` of them.
  void adverbs(size_t most) {
    for (size_t count = below(most + 1); count > 0; --count) pick(kAdverbs, WordClass::modifier);
  }

  void add(std::string_view word, WordClass word_class) {
    sentence_.push_back({std::string(word), word_class});
  }
  void pick(Words words, WordClass word_class) { add(words[below(words.size())], word_class); }

  double uniform() { return sinter::runtime::uniform_f64(sinter::runtime::random_bits(stream_, drawn_++)); }
  bool chance(double probability) { return uniform() < probability; }
  size_t below(size_t count) { return static_cast<size_t>(uniform() * static_cast<double>(count)); }

  sinter::runtime::RandomStream stream_;
  uint64_t drawn_ = 0;
  Sentence sentence_;
};

std::vector<Sentence> draw(uint64_t seed, uint32_t set, int64_t count) {
  Grammar grammar(seed, set);
  std::vector<Sentence> sentences;
  for (int64_t i = 0; i < count; ++i) sentences.push_back(grammar.sentence());
  return sentences;
}

}  // namespace

GeneratedLanguage generate_language(uint64_t seed, int64_t train_count, int64_t dev_count) {
  return {draw(seed, 0, train_count), draw(seed, 1, dev_count)};
}

double context_free_ceiling(std::span<const Sentence> sentences) {
  std::unordered_map<std::string_view, std::array<int64_t, kClassCount>> counts;
  int64_t words = 0;
  for (const Sentence& sentence : sentences) {
    for (const Word& word : sentence) {
      ++counts[word.text][static_cast<size_t>(word.word_class)];
      ++words;
    }
  }
  int64_t correct = 0;
  for (const auto& [word, of_class] : counts) correct += *std::max_element(of_class.begin(), of_class.end());
  return words == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(words);
}

}  // namespace attention_classifier
