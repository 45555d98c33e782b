#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/training/checkpoint.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <string_view>
#include <system_error>
#include <utility>

#include "frontend/base/translate.h"
#include "frontend/training/number_in.h"
#include "runtime/safetensors.h"

namespace sinter {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kNote = "note.";  // before the keys of texts
constexpr size_t kDigits = 10;

using Metadata = std::map<std::string, std::string>;

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_checkpoint(std::string_view name) {
  return name.size() == kPrefix.size() + kDigits + kSuffix.size() && name.starts_with(kPrefix) &&
         name.ends_with(kSuffix) && is_digits(name.substr(kPrefix.size(), kDigits));
}

// Of one whose writing did not end.
bool is_leftover(std::string_view name) {
  const size_t end = kPrefix.size() + kDigits + kSuffix.size();
  return name.size() > end && is_checkpoint(name.substr(0, end)) && name.ends_with(".tmp");
}

// The paths of a folder's files whose names are such; in the order of their steps where they are checkpoints.
template <typename Is>
std::vector<std::string> files_of(const std::string& folder, Is is) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (is(entry->path().filename().string())) paths.push_back(entry->path().string());
  }
  if (error) throw Error(fmt::format("cannot read {}: {}", folder, error.message()));
  std::sort(paths.begin(), paths.end());
  return paths;
}

void remove_file(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) throw Error(fmt::format("cannot remove {}: {}", path, error.message()));
}

Checkpoint described(const std::string& path, const Metadata& metadata) {
  Checkpoint result{path};
  result.step = number_in<uint32_t>(path, metadata, "step").value_or(0);
  result.seed = number_in<uint64_t>(path, metadata, "seed").value_or(0);
  result.notes.position = {number_in<int64_t>(path, metadata, "data.epoch").value_or(0),
                           number_in<int64_t>(path, metadata, "data.batch").value_or(0)};
  result.notes.measure = number_in<double>(path, metadata, "measure");
  for (const auto& [key, text] : metadata)
    if (key.starts_with(kNote)) result.notes.texts.emplace(key.substr(kNote.size()), text);
  return result;
}

Metadata metadata_of(const CheckpointNotes& notes) {
  Metadata metadata = {{"data.epoch", fmt::format("{}", notes.position.epoch)},
                       {"data.batch", fmt::format("{}", notes.position.batch)}};
  if (notes.measure) metadata["measure"] = fmt::format("{}", *notes.measure);
  for (const auto& [key, text] : notes.texts) metadata[std::string(kNote) + key] = text;
  return metadata;
}

}  // namespace

Checkpoint read_checkpoint(const std::string& path) {
  return translated(
      [&] { return described(path, safetensors_layout(runtime::ReadableFile(path)).metadata); });
}

namespace {

std::vector<Checkpoint> listed_in(const std::string& folder) {
  std::vector<Checkpoint> all;
  for (const std::string& path : files_of(folder, is_checkpoint)) all.push_back(read_checkpoint(path));
  return all;
}

// The first of the best; null where none was measured.
const Checkpoint* best_of(const std::vector<Checkpoint>& all, bool highest) {
  const Checkpoint* best = nullptr;
  for (const Checkpoint& one : all) {
    if (!one.notes.measure) continue;
    const auto better = [&](double a, double b) { return highest ? a > b : a < b; };
    if (best == nullptr || better(*one.notes.measure, *best->notes.measure)) best = &one;
  }
  return best;
}

Checkpoint load(const std::string& path, Program& program, const LoadOptions& options) {
  return described(path, program.load(path, options).metadata);
}

}  // namespace

struct SINTER_INTERNAL Checkpoints::State {
  std::string folder;
  CheckpointOptions options;
  bool has_saved = false;
  std::future<void> writing;

  void wait() {
    if (writing.valid()) writing.get();
  }
  // An error is left for wait().
  void let_it_end() const {
    if (writing.valid()) writing.wait();
  }

  // Before the first: what others left.
  void begin(uint32_t step) {
    for (const std::string& path : files_of(folder, is_leftover)) remove_file(path);
    const std::vector<std::string> all = files_of(folder, is_checkpoint);
    if (!all.empty() && all.back() > path_of(step)) {
      throw Error(
          fmt::format("{} is of a later step than {}, which is to be saved: another folder is needed, or the "
                      "file is not",
                      all.back(), step));
    }
  }

  std::string path_of(uint32_t step) const {
    return (fs::path(folder) / fmt::format("{}{:0{}}{}", kPrefix, step, kDigits, kSuffix)).string();
  }

  void rotate() const {
    const std::vector<Checkpoint> all = listed_in(folder);
    const Checkpoint* best = options.keep_best ? best_of(all, options.highest_is_best) : nullptr;
    for (size_t i = 0; i + static_cast<size_t>(options.keep) < all.size(); ++i) {
      if (&all[i] != best) remove_file(all[i].path);
    }
  }
};

Checkpoints::Checkpoints(std::string folder, CheckpointOptions options) {
  if (options.keep < 1)
    throw Error(fmt::format("Checkpoints: keep must be at least 1, got {}", options.keep));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(fmt::format("cannot make the folder {}: {}", folder, error.message()));
  state_ = std::make_unique<State>(State{std::move(folder), options, false, {}});
}

Checkpoints::Checkpoints(Checkpoints&&) noexcept = default;
Checkpoints& Checkpoints::operator=(Checkpoints&&) noexcept = default;
Checkpoints::~Checkpoints() = default;  // the future's own waits

void Checkpoints::save(const Program& program, const CheckpointNotes& notes) {
  state_->wait();
  Snapshot now = program.snapshot();
  if (program.communicator() != nullptr && program.communicator()->rank() != 0) return;
  if (!state_->has_saved) state_->begin(now.step);
  state_->has_saved = true;
  state_->writing = std::async(std::launch::async, [this_ = state_.get(), now = std::move(now), notes] {
    now.save(this_->path_of(now.step), metadata_of(notes));
    this_->rotate();
  });
}

void Checkpoints::wait() {
  state_->wait();
}

std::vector<Checkpoint> Checkpoints::list() const {
  state_->let_it_end();
  return listed_in(state_->folder);
}

std::optional<Checkpoint> Checkpoints::load_latest(Program& program, const LoadOptions& options) const {
  state_->let_it_end();
  const std::vector<std::string> all = files_of(state_->folder, is_checkpoint);
  if (all.empty()) return std::nullopt;
  return load(all.back(), program, options);
}

std::optional<Checkpoint> Checkpoints::load_best(Program& program, const LoadOptions& options) const {
  const std::vector<Checkpoint> all = list();
  const Checkpoint* best = best_of(all, state_->options.highest_is_best);
  if (best == nullptr) return std::nullopt;
  return load(best->path, program, options);
}

}  // namespace sinter
