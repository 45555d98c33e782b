#include <fmt/format.h>

#include <chrono>
#include <map>

#include "backends/backend.h"
#include "backends/registry/registry.h"
#include "frontend/compile/bundle.h"
#include "frontend/compile/driver.h"
#include "frontend/report/page.h"
#include "frontend/report/report.h"
#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "passes/explain/explain.h"
#include "passes/explain/fallbacks.h"
#include "passes/pipeline.h"
#include "passes/work.h"
#include "tools/command_line.h"
#include "tools/validators.h"

// Runs passes on a graph or on loops in text form, one after the other, and prints what comes out.
namespace sinter::tools {
namespace {

struct Arguments {
  std::string file;
  std::string passes;
  bool print_after_all = false;
  std::string until;
  std::vector<std::string> print_after;
  std::string device, target;  // empty: a machine with threads
  int threads = 0;             // 0: those of the target
  bool print_target = false;
  bool time_passes = false;
  bool list_passes = false;
  bool no_locations = false;
  bool explain = false;
  bool memory = false;
  std::string emit;
  std::string compare;  // a report, to be shown beside FILE, which is one too
  std::string fuse = "on";
  std::string replay;  // a bundle's folder
  bool check_numerics = false;

  passes::Options options() const { return {.fuse = fuse == "on", .check_numerics = check_numerics}; }
  bool runs_pipeline() const { return !until.empty() || !print_after.empty(); }
};

void list_passes() {
  for (const passes::Pass& pass : passes::all_passes()) fmt::print("{:<16} {}\n", pass.name, pass.summary);
}

// Whether a step is meant by its name, or by that with its arguments.
bool is_named(const passes::PassCall& call, const std::string& name) {
  return call.text == name || call.pass->name == name;
}

std::unique_ptr<backends::Device> open_device(const Arguments& arguments, const std::string& name) {
  return backends::open_device(name, 1, arguments.target.empty() ? "native" : arguments.target);
}

loop::Target target_of(const Arguments& arguments) {
  loop::Target target;
  if (!arguments.device.empty() || !arguments.target.empty())
    target = open_device(arguments, arguments.device.empty() ? "cpu" : arguments.device)->target();
  if (arguments.threads > 0) target.threads = arguments.threads;
  return target;
}

// Those of the pipeline, up to the last that is asked for.
std::vector<passes::PassCall> pipeline_of(const Arguments& arguments, const loop::Target& target) {
  std::vector<passes::PassCall> calls = passes::pipeline(target, arguments.options());
  std::vector<std::string> names = arguments.print_after;
  if (!arguments.until.empty()) names = {arguments.until};
  size_t end = names.empty() ? calls.size() : 0;
  for (const std::string& name : names) {
    size_t last = 0;
    for (size_t i = 0; i < calls.size(); ++i) {
      if (is_named(calls[i], name)) last = i + 1;
    }
    if (last == 0) {
      std::string known;
      for (const passes::PassCall& call : calls) known += (known.empty() ? "" : ", ") + call.text;
      throw UsageError(fmt::format("no step is called '{}'; there are {}", name, known));
    }
    end = std::max(end, last);
  }
  calls.resize(end);
  return calls;
}

std::vector<passes::PassCall> requested_passes(const Arguments& arguments, const loop::Target& target) {
  if (arguments.runs_pipeline()) return pipeline_of(arguments, target);
  try {
    return passes::parse_pass_list(arguments.passes);
  } catch (const GraphError& error) {
    throw UsageError(error.what());
  }
}

// What becomes of every function on the target.
void explain(const Arguments& arguments) {
  const graph::Module module = graph::parse(read_text(arguments.file), display_name(arguments.file));
  const passes::Options options = arguments.options();
  for (const auto& function : module.functions) {
    const loop::Program program = passes::lower(module, function->name(), target_of(arguments), options);
    if (arguments.explain) {
      fmt::print("{}", passes::explain(program));
      for (const std::string& each :
           passes::fallbacks(module, function->name(), target_of(arguments), options))
        fmt::print("falls back: {}\n", each);
    }
    if (arguments.memory) fmt::print("{}", passes::explain_memory(program));
  }
}

// What can be emitted, and the device whose code it is.
std::map<std::string, std::string> code_texts() {
  std::map<std::string, std::string> texts;
  for (const auto* backend : backends::all_backends()) {
    for (const std::string& text : backend->texts()) texts[text] = backend->name();
  }
  return texts;
}

constexpr const char* kPage = "html";

// A report of every function.
void emit_page(const Arguments& arguments) {
  const graph::Module module = graph::parse(read_text(arguments.file), display_name(arguments.file));
  const std::string name = arguments.device.empty() ? "cpu" : arguments.device;
  const auto device = open_device(arguments, name);
  loop::Target target = device->target();
  if (arguments.threads > 0) target.threads = arguments.threads;
  Report report(*device, name);
  for (const auto& function : module.functions)
    report.add(passes::lower(module, function->name(), target, arguments.options()));
  fmt::print("{}", report_page({report.finish({.title = display_name(arguments.file)})}));
}

void compare_pages(const Arguments& arguments) {
  std::vector<nlohmann::ordered_json> both;
  for (const std::string& file : {arguments.compare, arguments.file})
    both.push_back(reports_of_page(read_text(file), display_name(file)).back());
  fmt::print("{}", report_page(both));
}

std::vector<std::string> emitted_kinds() {
  std::vector<std::string> kinds = {kPage};
  for (const auto& [kind, device] : code_texts()) kinds.push_back(kind);
  return kinds;
}

// The code of every function, as the device gets it.
void emit(const Arguments& arguments) {
  if (arguments.emit == kPage) return emit_page(arguments);
  const graph::Module module = graph::parse(read_text(arguments.file), display_name(arguments.file));
  const passes::Options options = arguments.options();
  const auto device = open_device(arguments, code_texts().at(arguments.emit));
  for (const auto& function : module.functions) {
    fmt::print("{}", function_text(module, function->name(), *device, arguments.emit, options));
  }
}

// What was being made of the file, which says how to see an internal error again.
Attempt attempt_of(const Arguments& arguments) {
  Attempt attempt{.device = arguments.device, .threads = arguments.threads, .options = arguments.options()};
  if (!arguments.target.empty()) attempt.target = arguments.target;
  if (arguments.emit == kPage || (arguments.device.empty() && !arguments.target.empty()))
    attempt.device = arguments.device.empty() ? "cpu" : arguments.device;
  else if (!arguments.emit.empty())
    attempt.device = code_texts().at(arguments.emit);
  if (arguments.explain || arguments.memory || !arguments.emit.empty()) return attempt;
  for (const passes::PassCall& call : requested_passes(arguments, target_of(arguments)))
    attempt.passes += (attempt.passes.empty() ? "" : ",") + call.text;
  return attempt;
}

void replay(const std::string& folder) {
  const Bundle bundle = read_bundle(folder);
  repeat(bundle.module, bundle.attempt);
  fmt::print("works here; the bundle has: {}\n", bundle.message);
}

void optimise(const Arguments& arguments) {
  if (arguments.list_passes) return list_passes();
  if (!arguments.replay.empty()) return replay(arguments.replay);
  if (arguments.print_target) {
    fmt::print("{}", loop::print(target_of(arguments)));
    return;
  }
  if (arguments.file.empty()) throw UsageError("FILE is required; --help says more");
  if (arguments.explain || arguments.memory) return explain(arguments);
  if (!arguments.compare.empty()) return compare_pages(arguments);
  if (!arguments.emit.empty()) return emit(arguments);
  const loop::Target target = target_of(arguments);
  const auto calls = requested_passes(arguments, target);
  const graph::PrintOptions options{.locations = !arguments.no_locations};
  passes::Work work = passes::Work::parse(read_text(arguments.file), display_name(arguments.file), target);
  std::string text = work.text(options);
  if (arguments.print_after_all) fmt::print("// input\n{}", text);
  std::string times;
  for (const passes::PassCall& call : calls) {
    const auto start = std::chrono::steady_clock::now();
    work.run(call);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    times += fmt::format("// {:8.2f} ms {}\n", took.count(), call.text);
    std::string after = work.text(options);
    const bool is_wanted =
        arguments.print_after_all ||
        std::ranges::any_of(arguments.print_after, [&](const auto& name) { return is_named(call, name); });
    if (is_wanted) fmt::print("\n// after {}{}", call.text, after == text ? " (unchanged)\n" : "\n" + after);
    text = std::move(after);
  }
  if (!arguments.print_after_all && arguments.print_after.empty()) fmt::print("{}", text);
  if (arguments.time_passes) fmt::print("\n// time of passes, each verified\n{}", times);
}

// Where an internal error comes of a graph, there is a bundle of it.
void optimise_with_bundle(const Arguments& arguments) {
  try {
    return optimise(arguments);
  } catch (const std::logic_error& error) {
    if (arguments.file.empty() || arguments.file == "-" || !arguments.replay.empty()) throw;
    graph::Module module;
    try {
      module = graph::parse(read_text(arguments.file), display_name(arguments.file));
    } catch (const std::exception&) {
      module = {};  // loops, which need no bundle to be passed on
    }
    if (module.functions.empty()) throw;
    fail_with_bundle(module, attempt_of(arguments), error.what());
  }
}

}  // namespace
}  // namespace sinter::tools

int main(int argc, char** argv) {
  sinter::tools::Arguments arguments;
  CLI::App app("Runs passes on a graph, or on loops, in text form and prints what comes out.", "sinter-opt");
  app.add_option("FILE", arguments.file, "the graph, or loops as plan prints them; - is the standard input");
  CLI::Option* passes =
      app.add_option("--pass", arguments.passes, "passes, as in simplify,differentiate(of=loss;wrt=x,w)");
  CLI::Option* after_all =
      app.add_flag("--print-after-all", arguments.print_after_all, "print the graph after every pass");
  CLI::Option* until = app.add_option("--until", arguments.until,
                                      "run the compiler's own passes up to this one, as in group or simplify")
                           ->excludes(passes);
  CLI::Option* after = app.add_option("--print-after", arguments.print_after,
                                      "run the compiler's own passes, and print what these leave")
                           ->excludes(passes);
  app.add_option("--device", arguments.device, "the device to compile for; none: a machine with threads");
  app.add_option("--target", arguments.target,
                 "what the device compiles for: native, x86-64-v3, ...; of vulkan h200, ...");
  app.add_flag("--time-passes", arguments.time_passes, "print how long each pass took");
  app.add_option("--threads", arguments.threads, "that units are cut for")
      ->check(sinter::tools::whole_number(1, 1024));
  app.add_flag("--print-target", arguments.print_target, "print what passes know of the target");
  app.add_flag("--list-passes", arguments.list_passes, "print the names of the passes");
  app.add_flag("--no-locations", arguments.no_locations, "leave out where values were made");
  CLI::Option* explain = app.add_flag("--explain", arguments.explain,
                                      "compile, and tell of each kernel what is in it and what is not")
                             ->excludes(passes)
                             ->excludes(until)
                             ->excludes(after)
                             ->excludes(after_all);
  CLI::Option* memory =
      app.add_flag("--memory", arguments.memory, "compile, and tell how much memory is needed for what")
          ->excludes(passes)
          ->excludes(until)
          ->excludes(after)
          ->excludes(after_all);
  CLI::Option* emit =
      app.add_option("--emit", arguments.emit,
                     "compile, and print the code of this kind; html: all of it as a page to look at")
          ->check(CLI::IsMember(sinter::tools::emitted_kinds()))
          ->excludes(passes)
          ->excludes(until)
          ->excludes(after)
          ->excludes(after_all)
          ->excludes(explain)
          ->excludes(memory);
  app.add_option(
         "--compare", arguments.compare,
         "print a page of two reports: of this file and, after it, of FILE, which both are such pages")
      ->excludes(passes)
      ->excludes(until)
      ->excludes(after)
      ->excludes(after_all)
      ->excludes(explain)
      ->excludes(memory)
      ->excludes(emit);
  app.add_option("--fuse", arguments.fuse, "when compiling: on, or off, one kernel an op")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_flag("--check-numerics", arguments.check_numerics, "when compiling: check that results are finite");
  app.add_option("--replay", arguments.replay, "make again what a bundle of an internal error was made by");
  return sinter::tools::run_tool(app, argc, argv, [&] { sinter::tools::optimise_with_bundle(arguments); });
}
