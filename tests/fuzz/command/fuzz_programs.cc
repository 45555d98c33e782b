#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "ir/graph/text/text.h"
#include "tests/fuzz/programs/check.h"
#include "tools/reduce/own_process.h"
#include "tools/reduce/shrink.h"

// Runs random programs from a seed on, in processes of their own, so that none ends the run; shrinks those
// that are wrong, and writes them to files. Goes on where it was stopped.
namespace sinter::fuzz {
namespace {

struct Arguments {
  uint64_t from = 0, count = 1000, piece = 200;
  int vulkan_every = 10, loops_every = 0;  // 0: never
  bool large = false;
  int patience = 120;  // seconds that a program may take
  std::string folder;
  std::vector<std::string> replayed;
};

void say(int to, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  if (::write(to, line.data(), line.size()) < 0) _exit(1);
}

Where where_to_run(const Arguments& arguments, uint64_t seed) {
  const auto is_due = [&](int every) { return every > 0 && seed % static_cast<uint64_t>(every) == 0; };
  return {.vulkan = is_due(arguments.vulkan_every), .loops = is_due(arguments.loops_every)};
}

// The message without what differs between programs that are wrong in the same way.
std::string kind_of(const std::string& fault) {
  std::string kind;
  for (const char c : fault.substr(0, fault.find(" is "))) {
    if (c < '0' || c > '9') kind += c;
  }
  return kind.substr(0, 60);
}

std::string fault_of(const graph::Module& module, const Where& where, int patience) {
  std::string fault;
  const std::string end = tools::in_own_process([&](int to) { say(to, Checker(where).fault(module)); },
                                                [&](const std::string& line) { fault = line; }, patience);
  return end.empty() ? fault : end;
}

int replay(const Arguments& arguments) {
  int wrong = 0;
  for (const std::string& name : arguments.replayed) {
    std::ifstream file(name);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const std::string fault =
        fault_of(graph::parse(text, name), where_to_run(arguments, 0), arguments.patience);
    fmt::print("{}: {}\n", name, fault.empty() ? "right" : fault);
    std::fflush(stdout);
    wrong += !fault.empty();
  }
  return wrong == 0 ? 0 : 1;
}

class Run {
 public:
  explicit Run(const Arguments& arguments) : arguments_(arguments), next_(arguments.from) {
    std::filesystem::create_directories(arguments.folder);
    std::ifstream progress(path("progress"));
    uint64_t from = 0;
    if (progress >> from && from == arguments.from) progress >> next_ >> faults_ >> refused_ >> seconds_;
  }

  int run() {
    const uint64_t end = arguments_.from + arguments_.count;
    while (next_ < end) {
      const auto began = std::chrono::steady_clock::now();
      piece(std::min(end, next_ + arguments_.piece));
      seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      std::ofstream(path("progress"))
          << arguments_.from << ' ' << next_ << ' ' << faults_ << ' ' << refused_ << ' ' << seconds_ << '\n';
      fmt::print("{} programs, {} wrong, {} of types that a GPU lacks, {:.0f} s\n", next_ - arguments_.from,
                 faults_, refused_, seconds_);
      std::fflush(stdout);
    }
    return faults_ == 0 ? 0 : 1;
  }

 private:
  std::string path(const std::string& name) const { return arguments_.folder + "/" + name; }

  // Up to `end`, or to the first program that ends its process.
  void piece(uint64_t end) {
    const uint64_t begin = next_;
    std::map<uint64_t, std::string> faults;
    const std::string how = tools::in_own_process(
        [&](int to) {
          std::map<std::pair<bool, bool>, Checker> checkers;
          for (uint64_t seed = begin; seed < end; ++seed) {
            say(to, fmt::format("seed {}", seed));
            const Where where = where_to_run(arguments_, seed);
            Checker& checker = checkers.try_emplace({where.vulkan, where.loops}, where).first->second;
            const int64_t refused = checker.refused();
            std::string fault;
            try {
              fault = checker.fault(make_program(seed, arguments_.large));
            } catch (const std::exception& error) {
              fault = fmt::format("making it: {}", error.what());
            }
            if (checker.refused() > refused) say(to, "refused");
            if (!fault.empty()) say(to, "fault " + fault);
          }
          say(to, fmt::format("seed {}", end));
        },
        [&](const std::string& line) {
          if (line.starts_with("seed ")) next_ = std::stoull(line.substr(5));
          if (line == "refused") ++refused_;
          if (line.starts_with("fault ")) faults[next_] = line.substr(6);
        },
        arguments_.patience);
    if (!how.empty()) faults[next_++] = how;
    for (const auto& [seed, fault] : faults) tell(seed, fault);
  }

  void tell(uint64_t seed, const std::string& fault) {
    ++faults_;
    fmt::print("{}: {}\n", seed, fault);
    std::fflush(stdout);
    const Program program = make_program(seed, arguments_.large);
    const Where where = where_to_run(arguments_, seed);
    const bool by_itself = !fault.starts_with("rewriting: ") && !fault.starts_with("making it: ");
    std::ofstream file(path(fmt::format("{}.sg", seed)));
    file << "// " << fault << "\n";
    if (!by_itself) {
      file << graph::print(program.module) << "\n// rewritten:\n";
      std::istringstream lines(graph::print(program.rewritten));
      for (std::string line; std::getline(lines, line);) file << "// " << line << "\n";
      return;
    }
    const std::string kind = kind_of(fault);
    const graph::Module small = tools::shrunk(program.rewritten, kFunction, [&](const graph::Module& module) {
      return kind_of(fault_of(module, where, arguments_.patience)) == kind;
    });
    file << graph::print(small);
    fmt::print("{}\n", graph::print(small));
    std::fflush(stdout);
  }

  Arguments arguments_;
  uint64_t next_;
  uint64_t faults_ = 0, refused_ = 0;
  double seconds_ = 0;
};

}  // namespace
}  // namespace sinter::fuzz

int main(int argc, char** argv) {
  sinter::fuzz::Arguments arguments;
  CLI::App app("Holds random programs against the reference, and shrinks those that are wrong.",
               "fuzz-programs");
  app.add_option("FOLDER", arguments.folder, "where wrong programs go, and how far the run has come");
  app.add_option("--replay", arguments.replayed, "run the programs of these files instead");
  app.add_option("--from", arguments.from, "the first seed");
  app.add_option("--count", arguments.count, "how many programs");
  app.add_option("--piece", arguments.piece, "how many in one process");
  app.add_option("--vulkan-every", arguments.vulkan_every, "which seeds run on vulkan too; 0: none");
  app.add_option("--loops-every", arguments.loops_every,
                 "which seeds run as loops for other GPUs too, in the interpreter; 0: none");
  app.add_flag("--large", arguments.large, "programs of larger extents, which fill workgroups");
  app.add_option("--patience", arguments.patience, "seconds that a program may take");
  CLI11_PARSE(app, argc, argv);
  if (!arguments.replayed.empty()) return sinter::fuzz::replay(arguments);
  if (arguments.folder.empty()) {
    fmt::print(stderr, "a FOLDER is required\n");
    return 2;
  }
  return sinter::fuzz::Run(arguments).run();
}
