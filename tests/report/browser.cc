#include "tests/report/browser.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace sinter::test {
namespace {

constexpr int kSeconds = 60;

// DevTools' bytes, in base64.
std::string decoded(const std::string& text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t digit = digits.find(c);
    if (digit == std::string_view::npos) break;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

}  // namespace

std::string Browser::executable() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}) {
    if (std::filesystem::exists(path)) return path;
  }
  return "";
}

Browser::Browser(const std::string& folder) {
  const std::string program = executable(), data = "--user-data-dir=" + folder;
  const std::array<const char*, 13> arguments = {program.c_str(),
                                                 "--headless",
                                                 "--no-sandbox",
                                                 "--disable-gpu",
                                                 "--disable-dev-shm-usage",
                                                 "--disable-extensions",
                                                 "--disable-background-networking",
                                                 "--no-first-run",
                                                 "--force-color-profile=srgb",
                                                 "--hide-scrollbars",
                                                 "--remote-debugging-pipe",
                                                 data.c_str(),
                                                 nullptr};
  int in[2], out[2];
  std::signal(SIGPIPE, SIG_IGN);  // where it has ended, writing to it says so
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  process_ = fork();
  if (process_ == 0) {
    setpgid(0, 0);
    const int quiet = ::open("/dev/null", O_RDWR);
    dup2(quiet, 1);
    dup2(quiet, 2);
    // Above 4 first, as the pipe may have these numbers already.
    const int read_end = fcntl(in[0], F_DUPFD, 10), write_end = fcntl(out[1], F_DUPFD, 10);
    dup2(read_end, 3);
    dup2(write_end, 4);
    execv(arguments[0], const_cast<char* const*>(arguments.data()));
    _exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  to_ = in[1];
  from_ = out[0];
  const Json target = call("Target.createTarget", {{"url", "about:blank"}}, false);
  const Json attached =
      call("Target.attachToTarget", {{"targetId", target.at("targetId")}, {"flatten", true}}, false);
  session_ = attached.at("sessionId");
  for (const char* domain : {"Page.enable", "Runtime.enable", "Network.enable", "Log.enable"})
    call(domain, Json::object());
  call("Emulation.setDeviceMetricsOverride",
       {{"width", 1440}, {"height", 900}, {"deviceScaleFactor", 1}, {"mobile", false}});
}

Browser::~Browser() {
  ::close(to_);
  ::close(from_);
  if (process_ <= 0) return;
  kill(-process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

nlohmann::json Browser::next() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(kSeconds);
  for (;;) {
    if (const size_t length = received_.find('\0'); length != std::string::npos) {
      const Json message = Json::parse(received_.substr(0, length));
      received_.erase(0, length + 1);
      return message;
    }
    pollfd waiting{from_, POLLIN, 0};
    std::array<char, 1 << 16> bytes{};
    const bool is_late = std::chrono::steady_clock::now() > end;
    if (is_late || poll(&waiting, 1, 1000 * kSeconds) <= 0)
      throw std::runtime_error("the browser does not answer");
    const ssize_t count = read(from_, bytes.data(), bytes.size());
    if (count <= 0) throw std::runtime_error("the browser has ended");
    received_.append(bytes.data(), static_cast<size_t>(count));
  }
}

void Browser::note(const Json& event) {
  const std::string method = event.value("method", "");
  const Json parameters = event.value("params", Json::object());
  if (method == "Page.loadEventFired") is_loaded_ = true;
  if (method == "Runtime.exceptionThrown") problems_.push_back(parameters.at("exceptionDetails").dump());
  if (method == "Log.entryAdded") problems_.push_back(parameters.at("entry").at("text"));
  if (method == "Runtime.consoleAPICalled") problems_.push_back(parameters.at("args").dump());
  if (method == "Network.requestWillBeSent") {
    const std::string url = parameters.at("request").at("url");
    if (!url.starts_with("file:///") || parameters.value("type", "") != "Document")
      problems_.push_back("asks for " + url);
  }
}

nlohmann::json Browser::call(std::string_view method, const Json& parameters, bool of_page) {
  Json message = {{"id", ++number_}, {"method", method}, {"params", parameters}};
  if (of_page) message["sessionId"] = session_;
  const std::string bytes = message.dump() + '\0';
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::write(to_, bytes.data() + sent, bytes.size() - sent);
    if (count <= 0) throw std::runtime_error("the browser has ended");
    sent += static_cast<size_t>(count);
  }
  for (;;) {
    const Json answer = next();
    if (!answer.contains("id")) {
      note(answer);
    } else if (answer.at("id") == number_) {
      if (answer.contains("error"))
        throw std::runtime_error(fmt::format("{}: {}", method, answer.at("error").dump()));
      return answer.at("result");
    }
  }
}

double Browser::open(const std::string& path) {
  const auto begin = std::chrono::steady_clock::now();
  is_loaded_ = false;
  call("Page.navigate", {{"url", "file://" + path}});
  while (!is_loaded_) note(next());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

nlohmann::json Browser::evaluate(const std::string& expression) {
  const Json result = call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}});
  if (result.contains("exceptionDetails"))
    throw std::runtime_error(fmt::format("{}: {}", expression, result.at("exceptionDetails").dump()));
  return result.at("result").value("value", Json());
}

std::string Browser::text(const std::string& selector) {
  return evaluate(fmt::format("document.querySelector({}).textContent", quoted(selector)));
}

int64_t Browser::count(const std::string& selector) {
  return evaluate(fmt::format("document.querySelectorAll({}).length", quoted(selector)));
}

std::pair<double, double> Browser::middle_of(const std::string& selector) {
  const Json at = evaluate(fmt::format(
      "(() => {{ const found = document.querySelector({}); found.scrollIntoView({{ block: 'nearest' }});"
      " const box = found.getBoundingClientRect();"
      " return [box.left + box.width / 2, box.top + box.height / 2]; }})()",
      quoted(selector)));
  return {at.at(0), at.at(1)};
}

void Browser::mouse(std::string_view type, double x, double y) {
  call("Input.dispatchMouseEvent",
       {{"type", type}, {"x", x}, {"y", y}, {"button", "left"}, {"buttons", 1}, {"clickCount", 1}});
}

void Browser::click(const std::string& selector) {
  const auto [x, y] = middle_of(selector);
  mouse("mousePressed", x, y);
  mouse("mouseReleased", x, y);
}

void Browser::drag(const std::string& selector, int right, int down) {
  const auto [x, y] = middle_of(selector);
  mouse("mousePressed", x, y);
  mouse("mouseMoved", x + right, y + down);
  mouse("mouseReleased", x + right, y + down);
}

void Browser::write(const std::string& selector, const std::string& text) {
  evaluate(fmt::format("document.querySelector({}).select()", quoted(selector)));
  call("Input.insertText", {{"text", text}});
}

void Browser::screenshot(const std::string& path) {
  const Json image = call("Page.captureScreenshot", {{"format", "png"}});
  std::ofstream(path, std::ios::binary) << decoded(image.at("data"));
}

}  // namespace sinter::test
