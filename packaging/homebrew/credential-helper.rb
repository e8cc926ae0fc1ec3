# frozen_string_literal: true

# brew install --HEAD --formula packaging/homebrew/credential-helper.rb
class CredentialHelper < Formula
  desc "One agent for the credentials of Python package repositories"
  homepage "https://github.com/credential-helper/credential-helper"
  license any_of: ["MIT", "Apache-2.0"]
  head "https://github.com/credential-helper/credential-helper.git", branch: "main"

  depends_on "rust" => :build
  uses_from_macos "python" => :build

  def install
    system "cargo", "install", "--bins", *std_cargo_args(root: buildpath/"built")
    # Programs, bridges, manual pages and completions, each where Homebrew has it too.
    system "packaging/stage.sh", "--binaries", "built/bin", "--output", prefix,
           "--helperd", opt_libexec/"credential-helper/helperd"
    # GNU's -n keeps the time out of the file; Homebrew packs the pages itself.
    system "gunzip", *Dir[man1/"*.gz"]
    bash_completion.install share/"bash-completion/completions/helper"
  end

  def caveats
    <<~TEXT
      The bridges for other tools are in
        #{opt_lib}/credential-helper/bridges
      `helper setup TOOL` makes a tool use them.
    TEXT
  end

  # The first command starts the agent; this starts it at login.
  service do
    run [opt_libexec/"credential-helper/helperd", "agent", "run"]
    keep_alive successful_exit: false
    process_type :interactive
  end

  test do
    ENV["POETRY_HTTP_BASIC_FOO_USERNAME"] = "alice"
    ENV["POETRY_HTTP_BASIC_FOO_PASSWORD"] = "hunter2"
    answer = shell_output("#{bin}/helper get foo --no-agent")
    assert_equal "username=alice\npassword=hunter2\n", answer
  end
end
