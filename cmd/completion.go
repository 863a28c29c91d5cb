package cmd

import (
	"slices"

	"github.com/spf13/cobra"
)

var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletionCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Script that makes a shell complete ckpt",
		Long: `Writes the script that makes a shell complete the commands and flags of ckpt.

  bash        source <(ckpt completion bash)   (needs bash-completion)
  zsh         ckpt completion zsh > "${fpath[1]}/_ckpt"
  fish        ckpt completion fish > ~/.config/fish/completions/ckpt.fish
  powershell  ckpt completion powershell | Out-String | Invoke-Expression`,
		Example:   "  ckpt completion bash > /etc/bash_completion.d/ckpt",
		GroupID:   groupTools,
		ValidArgs: shells,
		Args: func(c *cobra.Command, args []string) error {
			if err := exactArgs("the name of a shell")(c, args); err != nil {
				return err
			}
			if !slices.Contains(shells, args[0]) {
				return usagef("it is one of "+orList(shells), "no completion for the shell %q", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return runCompletion(env, c.Root(), args[0]) },
	}
}

func runCompletion(env *Env, root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(env.Out, true)
	case "zsh":
		return root.GenZshCompletion(env.Out)
	case "fish":
		return root.GenFishCompletion(env.Out, true)
	}
	return root.GenPowerShellCompletionWithDesc(env.Out)
}
