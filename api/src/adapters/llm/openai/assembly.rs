//! Puts an answer together from its pieces, and judges how it ended.

use super::wire::{Chunk, Fragment, Tokens};
use crate::adapters::llm::{ChatError, Completion, ToolCall, Usage};

/// The longest text of an answer, in bytes.
const LONGEST_TEXT: usize = 128 * 1024;
/// The most calls of one answer.
const MOST_CALLS: usize = 8;
/// The longest id or name of a call, in bytes.
const LONGEST_NAME: usize = 256;
/// The longest arguments of a call, in bytes.
const LONGEST_ARGUMENTS: usize = 16 * 1024;

/// An answer as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    text: usize,
    calls: Vec<ToolCall>,
    finish: Option<String>,
    usage: Option<Tokens>,
}

impl Assembly {
    /// Takes the next piece; the text that it adds.
    pub(super) fn push(&mut self, chunk: Chunk) -> Result<Option<String>, ChatError> {
        self.usage = chunk.usage.or(self.usage);
        let mut text = String::new();
        for choice in chunk.choices.into_iter().flatten().filter(|choice| choice.index == 0) {
            if let Some(delta) = choice.delta {
                text.push_str(delta.content.as_deref().unwrap_or_default());
                for fragment in delta.tool_calls.into_iter().flatten() {
                    self.add(fragment)?;
                }
            }
            self.finish = choice.finish_reason.filter(|reason| !reason.is_empty()).or(self.finish.take());
        }
        self.text += text.len();
        if self.text > LONGEST_TEXT {
            return Err(ChatError::InvalidOutput("its text is too long"));
        }
        Ok((!text.is_empty()).then_some(text))
    }

    fn add(&mut self, fragment: Fragment) -> Result<(), ChatError> {
        // Servers that send each call whole leave the index out.
        let index = fragment.index.unwrap_or(self.calls.len());
        if index >= MOST_CALLS || index > self.calls.len() {
            return Err(ChatError::InvalidOutput("it calls too many tools"));
        }
        if index == self.calls.len() {
            self.calls.push(ToolCall::default());
        }
        let call = &mut self.calls[index];
        call.id.push_str(fragment.id.as_deref().filter(|id| *id != call.id).unwrap_or_default());
        if let Some(function) = fragment.function {
            call.name
                .push_str(function.name.as_deref().filter(|name| *name != call.name).unwrap_or_default());
            call.arguments.push_str(function.arguments.as_deref().unwrap_or_default());
        }
        if call.id.len() > LONGEST_NAME
            || call.name.len() > LONGEST_NAME
            || call.arguments.len() > LONGEST_ARGUMENTS
        {
            return Err(ChatError::InvalidOutput("the call of a tool is too long"));
        }
        Ok(())
    }

    /// Whether the answer has said how it ended.
    pub(super) fn is_complete(&self) -> bool {
        self.finish.is_some()
    }

    /// What became of it, at the end of the stream.
    pub(super) fn complete(self) -> Result<Completion, ChatError> {
        match self.finish.as_deref() {
            // The stream was cut.
            None => return Err(ChatError::Unavailable),
            // No limit is asked for, so it is the model's window that was full.
            Some("length") => return Err(ChatError::ContextTooLong),
            Some("content_filter") => return Err(ChatError::Rejected),
            // `stop`, `tool_calls`, and what servers call these otherwise.
            Some(_) => {}
        }
        if self.calls.iter().any(|call| call.name.is_empty()) {
            return Err(ChatError::InvalidOutput("it calls a tool without a name"));
        }
        let usage =
            self.usage.map(|tokens| Usage { input: tokens.prompt_tokens, output: tokens.completion_tokens });
        Ok(Completion { tool_calls: self.calls, usage })
    }
}
