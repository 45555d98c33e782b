#include "tools/reduce/own_process.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

namespace sinter::tools {

std::string in_own_process(const std::function<void(int)>& work,
                           const std::function<void(const std::string&)>& heard, int patience) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    close(ends[0]);
    try {
      work(ends[1]);
      _exit(0);
    } catch (...) {
      _exit(1);
    }
  }
  close(ends[1]);
  std::string text;
  bool silent = false;
  for (;;) {
    pollfd waiting{ends[0], POLLIN, 0};
    if (poll(&waiting, 1, patience * 1000) == 0) {
      silent = true;
      kill(child, SIGKILL);
      break;
    }
    char bytes[4096];
    const ssize_t got = ::read(ends[0], bytes, sizeof bytes);
    if (got <= 0) break;
    text.append(bytes, static_cast<size_t>(got));
    for (size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      heard(text.substr(0, end));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!text.empty()) heard(text);
  if (silent) return fmt::format("takes more than {} s", patience);
  if (WIFSIGNALED(status)) return fmt::format("ends by signal {}", WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? "" : fmt::format("exits with {}", WEXITSTATUS(status));
}

}  // namespace sinter::tools
