#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::test {

// A headless Chromium, driven by its DevTools protocol through a pipe. What goes wrong throws
// std::runtime_error.
class Browser {
 public:
  // Where Debian and others install it; "" where none is.
  static std::string executable();

  // With files of its own in `folder`.
  explicit Browser(const std::string& folder);
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  // Opens a file, and gives the seconds until it is loaded, which is when its scripts have run.
  double open(const std::string& path);
  // The value of an expression of JavaScript.
  nlohmann::json evaluate(const std::string& expression);
  std::string text(const std::string& selector);  // of the first element; throws where there is none
  int64_t count(const std::string& selector);
  void click(const std::string& selector);  // with the pointer, in the middle of the first
  void drag(const std::string& selector, int right, int down);
  void write(const std::string& selector, const std::string& text);  // in place of what an input holds
  void screenshot(const std::string& path);

  // What the page complained of, and what it asked for besides its file.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  using Json = nlohmann::json;

  Json call(std::string_view method, const Json& parameters, bool of_page = true);
  Json next();  // message
  void note(const Json& event);
  void mouse(std::string_view type, double x, double y);
  std::pair<double, double> middle_of(const std::string& selector);

  pid_t process_ = -1;
  int to_ = -1, from_ = -1;
  std::string received_;
  std::string session_;
  int64_t number_ = 0;
  bool is_loaded_ = false;
  std::vector<std::string> problems_;
};

}  // namespace sinter::test
