#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "backends/registry/registry.h"
#include "frontend/compile/bundle.h"
#include "frontend/compile/compare.h"
#include "frontend/compile/driver.h"
#include "ir/graph/callees.h"
#include "ir/graph/text/text.h"
#include "tools/command_line.h"
#include "tools/reduce/own_process.h"
#include "tools/reduce/shrink.h"
#include "tools/validators.h"

// Brings a graph that fails to the least that still does.
namespace sinter::tools {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string file, output, function, device = "cpu", target = "native", passes, fuse = "on", prints;
  int threads = 0;
  int patience = 60;  // seconds
  bool internal_error = false, differs = false;
  std::vector<std::string> command;
};

// A folder for the graphs that a command is given, gone when the program ends.
class WorkFolder {
 public:
  WorkFolder() {
    std::string pattern = fs::temp_directory_path() / "sinter-reduce-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw RuntimeError("cannot make the folder " + pattern);
    path_ = pattern;
  }
  ~WorkFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

// A function and what it calls.
graph::Module part_of(const graph::Module& module, const std::string& function) {
  graph::Module part = graph::clone(module);
  std::set<std::string> called;
  std::vector<std::string> names = {function};
  while (!names.empty()) {
    const std::string name = names.back();
    names.pop_back();
    if (!called.insert(name).second) continue;
    for (const auto& op : part.find_function(name)->ops()) {
      for (const std::string& each : graph::callees(*op)) names.push_back(each);
    }
  }
  std::erase_if(part.functions, [&](const auto& each) { return !called.contains(each->name()); });
  return part;
}

class Reducer {
 public:
  Reducer(const Arguments& arguments, graph::Module module, Attempt attempt)
      : arguments_(arguments), module_(std::move(module)), attempt_(std::move(attempt)) {}

  void run() {
    const int64_t before = count_ops(module_);
    const std::string fault = choose_function();
    fmt::print(stderr, "fails: {}\n", fault.substr(0, fault.find('\n')));
    const graph::Module least = shrunk(module_, attempt_.function, [&](const graph::Module& module) {
      if (fault_of(module).empty()) return false;
      keep(module);
      return true;
    });
    if (arguments_.output.empty())
      fmt::print("{}", graph::print(least));
    else
      runtime::write_file_atomically(arguments_.output, graph::print(least));
    fmt::print(stderr, "ops: {}, of {}; graphs tried: {}\n", count_ops(least), before, tried_);
  }

 private:
  // The first that fails with what it calls, where none is named.
  std::string choose_function() {
    std::vector<std::string> names = {attempt_.function};
    if (attempt_.function.empty()) {
      names.clear();
      for (const auto& function : module_.functions) names.push_back(function->name());
    }
    const graph::Module all = std::move(module_);
    for (const std::string& name : names) {
      attempt_.function = name;
      module_ = part_of(all, name);
      if (const std::string fault = fault_of(module_); !fault.empty()) return fault;
    }
    throw RuntimeError(fmt::format("{} does not fail", display_name(arguments_.file)));
  }

  // So that who loses patience has what there is.
  void keep(const graph::Module& module) const {
    if (!arguments_.output.empty()) runtime::write_file_atomically(arguments_.output, graph::print(module));
  }

  // How it fails in the way that is looked for; "" where it does not.
  std::string fault_of(const graph::Module& module) {
    ++tried_;
    std::string heard;
    const std::string end =
        in_own_process([&](int to) { arguments_.command.empty() ? make(module, to) : execute(module, to); },
                       [&](const std::string& line) { heard += line + "\n"; }, arguments_.patience);
    if (!arguments_.command.empty() && end == "exits with 127")
      throw RuntimeError("the command cannot be run: " + heard.substr(0, heard.find('\n')));
    const std::string fault = arguments_.command.empty() && end.empty() ? heard : end;
    if (arguments_.prints.empty()) return fault;
    return heard.find(arguments_.prints) == std::string::npos ? "" : heard;
  }

  // In a process of its own, which tells what is wrong.
  void make(const graph::Module& module, int to) const {
    std::string fault;
    try {
      fault = arguments_.differs ? difference(module) : (repeat(module, attempt_), "");
    } catch (const std::logic_error& error) {
      fault = arguments_.differs ? "" : error.what();
    } catch (const std::exception&) {
      // A graph that is refused.
    }
    if (::write(to, fault.data(), fault.size()) < 0) _exit(kFailed);
  }

  std::string difference(const graph::Module& module) const {
    const auto device = backends::open_device(attempt_.device, attempt_.threads, attempt_.target);
    const auto executable = compile_function(module, attempt_.function, *device, attempt_.options);
    const graph::Module expanded = as_written(module);
    return difference_on_random_inputs(expanded, *expanded.find_function(attempt_.function), *device,
                                       *executable);
  }

  // What the command prints goes where the process tells.
  void execute(const graph::Module& module, int to) const {
    const std::string file = folder_.file("graph.sg");
    runtime::write_file_atomically(file, graph::print(module));
    std::vector<std::string> words = arguments_.command;
    bool is_named = false;
    for (std::string& word : words) {
      for (size_t at = 0; (at = word.find("{}", at)) != std::string::npos; at += file.size()) {
        word.replace(at, 2, file);
        is_named = true;
      }
    }
    if (!is_named) words.push_back(file);
    std::vector<char*> given;
    for (std::string& word : words) given.push_back(word.data());
    given.push_back(nullptr);
    dup2(to, STDOUT_FILENO);
    dup2(to, STDERR_FILENO);
    close(to);
    execvp(given[0], given.data());
    std::perror(given[0]);
    _exit(127);
  }

  const Arguments& arguments_;
  graph::Module module_;
  Attempt attempt_;
  const WorkFolder folder_;
  int64_t tried_ = 0;
};

void check_function(const graph::Module& module, const Arguments& arguments) {
  if (arguments.function.empty() || module.find_function(arguments.function) != nullptr) return;
  std::string names;
  for (const auto& function : module.functions)
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", function->name());
  throw UsageError(fmt::format("{} has no function '{}'; it has {}", display_name(arguments.file),
                               arguments.function, names));
}

void reduce(const Arguments& arguments) {
  const bool of_bundle = fs::is_directory(arguments.file);
  const int ways = arguments.internal_error + arguments.differs + !arguments.command.empty();
  if (ways > 1 || (ways == 0 && !of_bundle))
    throw UsageError("one of --internal-error, --differs and -- COMMAND is required");
  if (!arguments.output.empty() && fs::exists(arguments.output) && fs::exists(arguments.file) &&
      fs::equivalent(arguments.output, arguments.file))
    throw UsageError("--output is the graph itself, which stays as it is");
  Bundle bundle;
  if (of_bundle) {
    bundle = read_bundle(arguments.file);
    if (bundle.attempt.function.empty()) bundle.attempt.function = arguments.function;
  } else {
    bundle.module = graph::parse(read_text(arguments.file), display_name(arguments.file));
    bundle.attempt = {.function = arguments.function,
                      .device = arguments.device,
                      .target = arguments.target,
                      .threads = arguments.threads,
                      .options = {.fuse = arguments.fuse == "on"},
                      .passes = arguments.passes};
  }
  check_function(bundle.module, arguments);
  if (!arguments.output.empty()) runtime::check_writable(arguments.output);
  Reducer(arguments, std::move(bundle.module), std::move(bundle.attempt)).run();
}

}  // namespace
}  // namespace sinter::tools

int main(int argc, char** argv) {
  using sinter::tools::whole_number;
  sinter::tools::Arguments arguments;
  CLI::App app(
      "Brings a graph that fails to the least that still does, and prints it. Exits with 0 where it did, "
      "with "
      "1 where the graph does not fail.",
      "sinter-reduce");
  app.add_option("GRAPH", arguments.file,
                 "the graph in text form, or a bundle of an internal error, which says how it was made")
      ->required();
  app.add_option("COMMAND", arguments.command,
                 "behind --: fails where it does not exit with 0; {} stands for the graph's file, which else "
                 "comes last");
  CLI::Option* internal = app.add_flag("--internal-error", arguments.internal_error,
                                       "fails where compiling crashes or ends in an internal error");
  CLI::Option* differs =
      app.add_flag("--differs", arguments.differs,
                   "fails where the device gives other values than the reference, on random inputs")
          ->excludes(internal);
  app.add_option("--prints", arguments.prints,
                 "fails only where the message, or what the command prints, has this text in it, however the "
                 "command exits");
  app.add_option("--output", arguments.output,
                 "where the least graph goes, from the first step on; none: the standard output");
  app.add_option("--function", arguments.function, "which to keep; none: the first that fails");
  app.add_option("--device", arguments.device, "what to compile for")->capture_default_str();
  app.add_option("--target", arguments.target, "what the device compiles for, as in sinter-opt")
      ->capture_default_str();
  app.add_option("--threads", arguments.threads, "0: the cores that this process may use")
      ->check(whole_number(0, 1024));
  app.add_option("--fuse", arguments.fuse, "on, or off, one kernel an op")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_option("--pass", arguments.passes, "run these passes instead of compiling, as in sinter-opt")
      ->excludes(differs);
  app.add_option("--patience", arguments.patience, "seconds of silence after which a try is ended, and fails")
      ->check(whole_number(1, 86400))
      ->capture_default_str();
  return sinter::tools::run_tool(app, argc, argv, [&] { sinter::tools::reduce(arguments); });
}
