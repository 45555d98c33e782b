#include "examples/char_model/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include "examples/char_model/recipe.h"

using namespace sinter;

namespace char_model {
namespace {

// The best of a folder, or the newest where none was measured; a file itself.
Checkpoint find_checkpoint(const std::string& path) {
  const bool is_folder = std::filesystem::is_directory(path);
  if (!is_folder) return read_checkpoint(path);
  const std::vector<Checkpoint> all = Checkpoints(path).list();
  if (all.empty()) throw Error(fmt::format("{}: has no checkpoint", path));
  const auto loss = [](const Checkpoint& one) { return one.notes.measure.value_or(1e30); };
  return *std::ranges::min_element(all.rbegin(), all.rend(), {}, loss);
}

}  // namespace

struct Generator::Loaded {
  std::string path;
  Recipe recipe;

  static Loaded find(const std::string& path) {
    const Checkpoint checkpoint = find_checkpoint(path);
    return {checkpoint.path, from_texts(checkpoint.path, checkpoint.notes.texts)};
  }
};

Generator::Generator(const std::string& path, const GenerationOptions& options)
    : Generator(Loaded::find(path), options) {}

Generator::Generator(Loaded loaded, const GenerationOptions& options)
    : options_(loaded.recipe.model),
      vocabulary_(loaded.recipe.vocabulary),
      how_(options),
      model_(loaded.recipe.model) {
  program_.add("extend", {{"ids", i32, {1, time_}}}, [&](const Inputs& in) -> Outputs {
    return {{"id", drawn(model_.extend(in["ids"]))}};
  });
  program_.add(
      "whole", {{"ids", i32, {1, options_.context}}, {"last", i32, {}}}, [&](const Inputs& in) -> Outputs {
        const Tensor scores = at(model_(in["ids"]), 0, 0);
        return {{"id", drawn(at(dynamic_slice(scores, {in["last"], 0}, {1, options_.characters}), 0, 0))}};
      });
  program_.compile(options.compile);
  program_.load(loaded.path, {.ignore_unknown = true});
  if (how_.cache) {
    session_ = program_.session();
    one_ = session_->function("extend", {{time_, 1}});
  } else {
    whole_ = program_.function("whole");
  }
}

Tensor Generator::drawn(const Tensor& scores) const {
  return sample(scores, {.temperature = how_.temperature, .top_k = how_.top_k, .top_p = how_.top_p});
}

void Generator::begin(const std::u32string& prompt) {
  ids_ = vocabulary_.encode(prompt);
  read_ = first_ = 0;
  if (session_) session_->reset();
}

int64_t Generator::first_of(int64_t count) const {
  const int64_t half = std::max<int64_t>(1, options_.context / 2), beyond = count - options_.context;
  return beyond <= 0 ? 0 : (beyond + half - 1) / half * half;
}

std::string Generator::next() {
  const int32_t id = how_.cache ? draw_with_cache() : draw_without();
  ids_.push_back(id);
  return vocabulary_.decode(id);
}

int32_t Generator::draw_with_cache() {
  const auto count = static_cast<int64_t>(ids_.size()), first = first_of(count);
  if (first != first_) {
    session_->reset();
    read_ = first_ = first;
  }
  const int64_t left = count - read_;
  // The same number of characters each time the context has become full.
  Function* function = &*one_;
  if (left > 1) function = &again_.emplace(session_->function("extend", {{time_, left}}));
  std::ranges::copy(std::span(ids_).subspan(static_cast<size_t>(read_)),
                    function->input<int32_t>("ids").begin());
  function->set_call(static_cast<uint32_t>(count));
  function->run();
  read_ = count;
  return function->value<int32_t>("id");
}

int32_t Generator::draw_without() {
  const auto count = static_cast<int64_t>(ids_.size()), first = first_of(count);
  const std::span<int32_t> input = whole_->input<int32_t>("ids");
  std::ranges::fill(input, 0);
  std::ranges::copy(std::span(ids_).subspan(static_cast<size_t>(first)), input.begin());
  whole_->input<int32_t>("last")[0] = static_cast<int32_t>(count - first - 1);
  whole_->set_call(static_cast<uint32_t>(count));
  whole_->run();
  return whole_->value<int32_t>("id");
}

}  // namespace char_model
