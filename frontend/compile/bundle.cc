#include "frontend/compile/bundle.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "backends/code_version.h"
#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"
#include "ir/graph/text/text.h"
#include "passes/pipeline.h"
#include "passes/work.h"
#include "runtime/disk_cache.h"
#include "runtime/error.h"
#include "runtime/file.h"

namespace sinter {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr size_t kMostElements = 16;  // of a constant that is kept as it is
constexpr size_t kMostBundles = 16;
constexpr const char* kGraph = "graph.sg";
constexpr const char* kAttempt = "attempt.json";
constexpr const char* kUnfinished = "unfinished.";  // begins the names of folders that are being written
constexpr auto kGivenUp = std::chrono::hours(1);    // the age at which such a one has no writer any more

graph::Module without_constants(const graph::Module& module) {
  graph::Module result = graph::clone(module);
  for (const auto& function : result.functions) {
    for (const auto& op : function->ops()) {
      if (op->code != graph::OpCode::constant) continue;
      const graph::Attribute* values = op->attributes.find("values");
      if (values == nullptr) continue;
      graph::Attribute first;
      if (const auto* reals = std::get_if<std::vector<double>>(values);
          reals && reals->size() > kMostElements)
        first = reals->front();
      else if (const auto* whole = std::get_if<std::vector<int64_t>>(values);
               whole && whole->size() > kMostElements)
        first = whole->front();
      else
        continue;
      op->attributes.erase("values");
      op->attributes.set("value", first);
    }
  }
  return result;
}

std::string graph_text(const graph::Module& module) {
  const char* asked = std::getenv("SINTER_BUNDLE");
  const bool whole = asked != nullptr && std::string_view(asked) == "constants";
  return whole ? graph::print(module) : graph::print(without_constants(module));
}

std::unique_ptr<backends::Device> device_of(const Attempt& attempt) {
  return attempt.device.empty() ? nullptr
                                : backends::open_device(attempt.device, attempt.threads, attempt.target);
}

loop::Target target_of(const Attempt& attempt, const backends::Device* device) {
  loop::Target target = device == nullptr ? loop::Target() : device->target();
  if (attempt.threads > 0) target.threads = attempt.threads;
  return target;
}

// For people; the machine may not be there when the attempt is repeated.
std::string target_text(const Attempt& attempt) {
  try {
    return loop::identity(target_of(attempt, device_of(attempt).get()));
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string attempt_text(const Attempt& attempt, std::string_view message) {
  Json options;
#define SINTER_SWITCH(type, name, initial, affects_code, help) options[#name] = attempt.options.name;
  SINTER_SWITCHES(SINTER_SWITCH)
#undef SINTER_SWITCH
  const Json json = {{"message", message},
                     {"version", SINTER_VERSION},
                     {"sources", backends::kLibraryVersion},
                     {"function", attempt.function},
                     {"passes", attempt.passes},
                     {"device", attempt.device},
                     {"target", attempt.target},
                     {"threads", attempt.threads},
                     {"options", options},
                     {"machine", target_text(attempt)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Others may drop and add bundles meanwhile.
void drop_old(const fs::path& folder) {
  std::vector<std::pair<fs::file_time_type, fs::path>> bundles;
  std::error_code ignored;
  for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
    std::error_code gone;
    const fs::file_time_type written = entry->last_write_time(gone);
    if (gone) continue;
    if (!entry->path().filename().string().starts_with(kUnfinished))
      bundles.emplace_back(written, entry->path());
    else if (fs::file_time_type::clock::now() - written > kGivenUp)
      fs::remove_all(entry->path(), ignored);
  }
  std::sort(bundles.rbegin(), bundles.rend());
  for (size_t i = kMostBundles; i < bundles.size(); ++i) fs::remove_all(bundles[i].second, ignored);
}

}  // namespace

void repeat(const graph::Module& module, const Attempt& attempt) {
  const auto device = device_of(attempt);
  const loop::Target target = target_of(attempt, device.get());
  if (!attempt.passes.empty()) {
    passes::Work work(graph::clone(module), target, attempt.function);
    for (const passes::PassCall& call : passes::parse_pass_list(attempt.passes)) work.run(call);
    return;
  }
  std::vector<std::string> functions = {attempt.function};
  if (attempt.function.empty()) {
    functions.clear();
    for (const auto& function : module.functions) functions.push_back(function->name());
  }
  for (const std::string& function : functions) {
    if (device != nullptr)
      compile_function(module, function, *device, attempt.options);
    else
      passes::lower(module, function, target, attempt.options);
  }
}

std::string write_bundle(const graph::Module& module, const Attempt& attempt, std::string_view message) {
  const std::string cache = runtime::user_cache_folder();
  if (cache.empty()) return "";
  std::string unfinished;
  try {
    const std::string graph = graph_text(module), made = attempt_text(attempt, message);
    const fs::path folder = fs::path(cache) / "bundles";
    const fs::path path = folder / fmt::format("{:016x}", runtime::checksum(made, runtime::checksum(graph)));
    if (!fs::exists(cache)) {
      fs::create_directories(cache);
      fs::permissions(cache, fs::perms::owner_all);
    }
    fs::create_directory(folder);
    if (!fs::exists(path)) {
      std::string pattern = folder / (std::string(kUnfinished) + "XXXXXX");
      if (mkdtemp(pattern.data()) == nullptr) return "";
      unfinished = pattern;
      runtime::write_file_atomically(unfinished + "/" + kGraph, graph);
      runtime::write_file_atomically(unfinished + "/" + kAttempt, made);
      fs::rename(unfinished, path);
      unfinished.clear();
    }
    std::error_code ignored;
    fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
    drop_old(folder);
    return path;
  } catch (const std::exception&) {
    // The error that it is about is what matters: a full disk or another writer are not.
    std::error_code ignored;
    if (!unfinished.empty()) fs::remove_all(unfinished, ignored);
    return "";
  }
}

Bundle read_bundle(const std::string& folder) {
  const std::string path = folder + "/" + kAttempt, graph = folder + "/" + kGraph;
  Bundle bundle{graph::parse(runtime::read_file(graph), graph), {}, {}};
  try {
    const Json json = Json::parse(runtime::read_file(path));
    bundle.message = json.at("message");
    Attempt& attempt = bundle.attempt;
    attempt.function = json.at("function");
    attempt.passes = json.at("passes");
    attempt.device = json.at("device");
    attempt.target = json.at("target");
    attempt.threads = json.at("threads");
#define SINTER_SWITCH(type, name, initial, affects_code, help) \
  attempt.options.name = json.at("options").value(#name, initial);
    SINTER_SWITCHES(SINTER_SWITCH)
#undef SINTER_SWITCH
  } catch (const Json::exception& error) {
    throw RuntimeError(fmt::format("{} is no attempt of a bundle: {}", path, error.what()));
  }
  return bundle;
}

void fail_with_bundle(const graph::Module& module, const Attempt& attempt, std::string_view message) {
  const std::string what = attempt.function.empty() || !attempt.passes.empty()
                               ? std::string(message)
                               : fmt::format("compiling '{}': {}", attempt.function, message);
  const std::string path = write_bundle(module, attempt, message);
  throw InternalError(path.empty() ? what
                                   : fmt::format("{}; to see it again: sinter-opt --replay {}", what, path));
}

}  // namespace sinter
